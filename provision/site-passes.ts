import { ZeroTrustAccessServiceToken } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { removalGuard } from "./deletion-guard";
import { resourceHook } from "./pulumi-program";

interface SitePassesArgs {
  readonly accountId: string;
  readonly sites: readonly Site[];
  /** Prefix of the tokens' names in Cloudflare; see names.ts. */
  readonly ownPrefix: string;
  /** How many sites may go beyond the brake. */
  readonly allowRemovals: number;
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
    const brake = removalGuard(args.allowRemovals);
    super(
      "sitepass:provision:SitePasses",
      name,
      // Kept in the state, so that the engine shows the brake which sites go, whatever their tokens are called. No more of
      // the args: it would be kept a second time.
      { sites: args.sites.map((site) => site.name) },
      { ...opts, ...(brake === undefined ? {} : { hooks: { beforeUpdate: [brake] } }) },
    );
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

/**
 * A hook that refuses to lower a token's secret version, or to drop it after a rotation.
 *
 * The provider would send the lower version as one more change, and what Cloudflare makes of it is not documented: at
 * worst a second rotation without a grace window, which cuts the site off. Only the engine knows the version before,
 * so this cannot be checked with the site files.
 */
const secretVersionGuard = (): pulumi.ResourceHook | undefined =>
  resourceHook("sitepass-secret-version-guard", ({ name, oldInputs, newInputs }) =>
    loweredVersionProblem(name, versionIn(oldInputs), versionIn(newInputs)),
  );

/** What is wrong with going from one secret version to another, or undefined. */
export function loweredVersionProblem(site: string, before: number, after: number): Problem | undefined {
  return after >= before
    ? undefined
    : {
        subject: `sites/${site}`,
        says: `token.secretVersion is ${after}, and ${before} is in use`,
        todo: `Set it back to ${before} with its previousSecretExpiresAt, or raise it to ${before + 1} to rotate`,
      };
}

function versionIn(inputs: unknown): number {
  const version: unknown =
    typeof inputs === "object" && inputs !== null ? Reflect.get(inputs, "clientSecretVersion") : undefined;
  // 1 is the provider's default.
  return typeof version === "number" ? version : 1;
}
