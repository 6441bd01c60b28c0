import { ZeroTrustAccessApplication } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import type { Endpoint } from "./config";
import type { AttachedPolicy } from "./push-policies";
import { sessionDuration } from "./session-duration";

export interface PushEndpointArgs {
  readonly accountId: string;
  readonly endpoint: Endpoint;
  /** Who may push, by precedence; none: nobody. */
  readonly policies: readonly AttachedPolicy[];
  readonly ownPrefix: string;
}

/**
 * Access in front of one signal's host: an application on the write paths that lets the sites' tokens in, and one on
 * the whole host that lets nobody in. The second is needed because an application on a path protects that path alone
 * (cloudflare-docs, access-controls/policies/app-paths): without it, queries and reloads would be open.
 */
export class PushEndpoint extends pulumi.ComponentResource {
  readonly writePaths: ZeroTrustAccessApplication;
  readonly wholeHost: ZeroTrustAccessApplication;

  constructor(name: string, args: PushEndpointArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PushEndpoint", name, {}, opts);
    const { hostname, paths, signal } = args.endpoint;
    this.wholeHost = this.application(`${name}-whole-host`, args, {
      name: `${args.ownPrefix}${signal}: everything else on ${hostname}`,
      uris: [hostname],
      policies: [],
    });
    this.writePaths = this.application(`${name}-write-paths`, args, {
      name: `${args.ownPrefix}${signal}: push to ${hostname}`,
      uris: paths.map((path) => hostname + path),
      policies: args.policies,
    });
    this.registerOutputs({});
  }

  private application(
    name: string,
    args: PushEndpointArgs,
    is: { name: string; uris: readonly string[]; policies: readonly AttachedPolicy[] },
  ): ZeroTrustAccessApplication {
    return new ZeroTrustAccessApplication(
      name,
      {
        accountId: args.accountId,
        type: "self_hosted",
        name: is.name,
        // The API fills in the first destination for a missing domain; given here, it is no unknown in previews.
        ...(is.uris[0] === undefined ? {} : { domain: is.uris[0] }),
        destinations: is.uris.map((uri) => ({ type: "public", uri })),
        // Always given, even when empty: left out it would mean the same, but not say so.
        policies: is.policies.map(({ id, precedence }) => ({ id, precedence })),
        sessionDuration,
        // 401 for a missing or wrong token instead of a redirect to a login page, which collectors follow and take
        // for a delivery. Cloudflare refuses it without a Service Auth policy (terraform-provider-cloudflare#2306).
        serviceAuth401Redirect: is.policies.length > 0,
        appLauncherVisible: false,
      },
      // A host name and path belong to one application of an account (error 11010): a replacement has to wait for it.
      { parent: this, deleteBeforeReplace: true },
    );
  }
}
