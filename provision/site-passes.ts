import { ZeroTrustAccessServiceToken } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { secretVersionGuard } from "./secret-version-guard";
import type { Site } from "../fleet/sites";

export interface SitePassesArgs {
  readonly accountId: string;
  readonly sites: readonly Site[];
  /** Prefix of the tokens' names in Cloudflare; see names.ts. */
  readonly ownPrefix: string;
}

/**
 * One Access service token for each site.
 *
 * One component for the fleet, because a component for each site would double the resources that the engine keeps.
 */
export class SitePasses extends pulumi.ComponentResource {
  /** By site name. */
  readonly tokens: ReadonlyMap<string, ZeroTrustAccessServiceToken>;

  constructor(name: string, args: SitePassesArgs, opts?: pulumi.ComponentResourceOptions) {
    // No args for super: they would be kept in the state a second time, with every site in them.
    super("sitepass:provision:SitePasses", name, {}, opts);
    const guard = secretVersionGuard();
    this.tokens = new Map(
      args.sites.map((site) => [
        site.name,
        new ZeroTrustAccessServiceToken(
          // The logical name is the site's identity: another name is another token with another secret, and the
          // site's pushes are refused from then on. It comes from the file's name alone and is never "cleaned up".
          site.name,
          {
            accountId: args.accountId,
            name: args.ownPrefix + site.name,
            duration: site.token.duration,
            enabled: site.token.enabled,
            // Each of the two requires the other in the provider; version 1 is its default and goes without a time.
            ...(site.token.previousSecretExpiresAt === undefined
              ? {}
              : {
                  clientSecretVersion: site.token.secretVersion,
                  previousClientSecretExpiresAt: site.token.previousSecretExpiresAt,
                }),
          },
          { parent: this, ...(guard === undefined ? {} : { hooks: { beforeUpdate: [guard] } }) },
        ),
      ]),
    );
    this.registerOutputs({});
  }
}
