import type { ZeroTrustAccessServiceToken } from "@pulumi/cloudflare";
import type * as pulumi from "@pulumi/pulumi";
import { endpointUrls, type Config } from "../fleet/config";
import type { PublicTunnel } from "./public-tunnel";
import type { SignalName } from "../fleet/signals";
import type { Site } from "../fleet/sites";

/** What a site needs to push. */
export interface SiteOutput {
  readonly clientId: pulumi.Output<string>;
  /** Secret, and the only secret part, so that `pulumi stack output sites` stays readable. */
  readonly clientSecret: pulumi.Output<string>;
  /** RFC 3339; empty for a token that never expires. */
  readonly expiresAt: pulumi.Output<string> | "";
  /** URL for each signal that the site may push. */
  readonly endpoints: Readonly<Partial<Record<SignalName, string>>>;
}

/** The stack's outputs, a public contract. */
export interface StackOutputs {
  readonly sites: Readonly<Record<string, SiteOutput>>;
  readonly endpoints: Readonly<Partial<Record<SignalName, string>>>;
  /** Only with a tunnel. */
  readonly tunnelId?: pulumi.Output<string>;
  /** Only with a tunnel; secret. */
  readonly tunnelToken?: pulumi.Output<string>;
}

export function stackOutputs(
  config: Config,
  sites: readonly Site[],
  tokens: ReadonlyMap<string, ZeroTrustAccessServiceToken>,
  tunnel: PublicTunnel | undefined,
): StackOutputs {
  return {
    sites: Object.fromEntries(
      sites.map(({ name, signals, token: { duration } }) => {
        const token = tokens.get(name);
        if (token === undefined) {
          throw new Error(`no service token was declared for ${name}`);
        }
        const { clientId, clientSecret } = token;
        // Cloudflare shows a date for tokens that last forever, too.
        const expiresAt = duration === "forever" ? "" : token.expiresAt;
        const endpoints = endpointUrls(config.endpoints.filter(({ signal }) => signals.includes(signal)));
        return [name, { clientId, clientSecret, expiresAt, endpoints }] as const;
      }),
    ),
    endpoints: endpointUrls(config.endpoints),
    ...(tunnel === undefined ? {} : { tunnelId: tunnel.tunnelId, tunnelToken: tunnel.tunnelToken }),
  };
}
