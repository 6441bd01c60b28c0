import { ZeroTrustAccessPolicy, type ZeroTrustAccessServiceToken } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { planShards, shardCount } from "./policy-shards";
import { sessionDuration } from "./declared-objects";
import type { SignalName } from "../fleet/signals";
import type { Site } from "../fleet/sites";

export interface PushPoliciesArgs {
  readonly accountId: string;
  readonly sites: readonly Site[];
  /** By site name. */
  readonly tokens: ReadonlyMap<string, ZeroTrustAccessServiceToken>;
  readonly ownPrefix: string;
}

/** How an application names a policy; both parts are always given, because a missing precedence is computed anew. */
export interface PolicyAttachment {
  readonly id: pulumi.Output<string>;
  readonly precedence: number;
}

/**
 * The reusable Service Auth policies that let the sites' tokens in, sharded so that adding a site touches one of them.
 *
 * `non_identity` and tokens by ID only: with an Allow policy a wrong token is answered with a redirect to a login page,
 * which collectors take for a delivery, and `any_valid_service_token` would let other teams' tokens in.
 */
export class PushPolicies extends pulumi.ComponentResource {
  private readonly attachments: readonly (PolicyAttachment & { readonly signals: readonly SignalName[] })[];

  constructor(name: string, args: PushPoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PushPolicies", name, {}, opts);
    const declared = new Map<string, ZeroTrustAccessPolicy>();
    // Wide sets of signals first: a site that gains a signal is then admitted by the wider policy before the narrower
    // one lets go of it, so that what it already pushed is not refused in between.
    const shards = [...planShards(args.sites)].sort((a, b) => b.signals.length - a.signals.length);
    this.attachments = shards
      .map(({ logicalName, signals, shard, precedence, siteNames }) => {
        const wider = shards
          .filter((other) => other.shard === shard && other.signals.length > signals.length)
          .flatMap((other) => declared.get(other.logicalName) ?? []);
        const policy = new ZeroTrustAccessPolicy(
          logicalName,
          {
            accountId: args.accountId,
            name: `${args.ownPrefix}push ${signals.join("+")} ${shard + 1}/${shardCount}`,
            decision: "non_identity",
            // IDs as Outputs: the engine learns from them that a token leaves its policy before it is deleted, which
            // Cloudflare insists on (error 12139).
            includes: siteNames.map((site) => ({ serviceToken: { tokenId: tokenId(site, args.tokens) } })),
            sessionDuration,
          },
          { parent: this, ...(wider.length === 0 ? {} : { dependsOn: wider }) },
        );
        declared.set(logicalName, policy);
        return { id: policy.id, precedence, signals };
      })
      .sort((a, b) => a.precedence - b.precedence);
    this.registerOutputs({});
  }

  /** The policies of one signal's application, by precedence. */
  forSignal(signal: SignalName): readonly PolicyAttachment[] {
    return this.attachments
      .filter(({ signals }) => signals.includes(signal))
      .map(({ id, precedence }) => ({ id, precedence }));
  }
}

function tokenId(
  site: string,
  tokens: ReadonlyMap<string, ZeroTrustAccessServiceToken>,
): pulumi.Output<string> {
  const token = tokens.get(site);
  if (token === undefined) {
    throw new Error(`no service token was declared for ${site}`);
  }
  return token.id;
}
