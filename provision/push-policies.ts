import {
  ZeroTrustAccessPolicy,
  type ZeroTrustAccessPolicyArgs as AccessPolicyArgs,
  type ZeroTrustAccessServiceToken,
} from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { addressOfNobody } from "../cloudflare/access-policies";
import { planPolicyShards, policyShardCount } from "./policy-shards";
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
 * The reusable Service Auth policies: those that let the sites' tokens in, sharded so that adding a site touches one of
 * them for each signal that it pushes, and one that lets nobody in.
 *
 * `non_identity` and tokens by ID only: with an Allow policy a wrong token is answered with a redirect to a login page,
 * which collectors take for a delivery, and `any_valid_service_token` would let other teams' tokens in.
 */
export class PushPolicies extends pulumi.ComponentResource {
  /**
   * For applications that nobody may pass: Access answers 401 only where a Service Auth policy refuses
   * (docs/facts/edge.md, E17 and E20). See docs/decisions/0018-a-policy-that-admits-nobody.md.
   */
  readonly nobody: PolicyAttachment;
  private readonly attachments: readonly (PolicyAttachment & { readonly signal: SignalName })[];

  constructor(name: string, args: PushPoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PushPolicies", name, {}, opts);
    const policy = (logicalName: string, its: string, includes: AccessPolicyArgs["includes"]) =>
      new ZeroTrustAccessPolicy(
        logicalName,
        {
          accountId: args.accountId,
          name: args.ownPrefix + its,
          decision: "non_identity",
          includes,
          sessionDuration,
        },
        { parent: this },
      ).id;
    this.nobody = { id: policy("nobody", "nobody", [{ ip: { ip: addressOfNobody } }]), precedence: 1 };
    this.attachments = planPolicyShards(args.sites).map(
      ({ logicalName, signal, shard, precedence, siteNames }) => ({
        id: policy(
          logicalName,
          `push ${signal} ${shard + 1}/${policyShardCount}`,
          // IDs as Outputs: the engine learns from them that a token leaves its policy before it is deleted, which
          // Cloudflare insists on (error 12139).
          siteNames.map((site) => ({ serviceToken: { tokenId: tokenId(site, args.tokens) } })),
        ),
        precedence,
        signal,
      }),
    );
    this.registerOutputs({});
  }

  /** The policies of one signal's application, by precedence; where no site pushes it, the one that lets nobody in. */
  forSignal(wanted: SignalName): readonly PolicyAttachment[] {
    const attached = this.attachments
      .filter(({ signal }) => signal === wanted)
      .map(({ id, precedence }) => ({ id, precedence }));
    return attached.length > 0 ? attached : [this.nobody];
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
