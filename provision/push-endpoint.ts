import { ZeroTrustAccessApplication } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { planApplications, sessionDuration, type PlannedApplication } from "./declared-objects";
import type { Endpoint } from "../fleet/config";
import type { SignalName } from "../fleet/signals";
import { destinationLimitHook } from "./destination-limit";
import type { PolicyAttachment } from "./push-policies";

export interface PushEndpointArgs {
  readonly accountId: string;
  readonly endpoint: Endpoint;
  /** Who may push, by precedence; when empty, nobody may. */
  readonly policies: readonly PolicyAttachment[];
  readonly ownPrefix: string;
}

/**
 * Access in front of one signal's host: an application on the write paths that lets the sites' tokens in, and one on
 * the whole host that lets nobody in. The second is needed because an application on a path protects that path alone
 * (docs/facts/edge.md, E11): without it, queries and reloads would be open.
 */
export class PushEndpoint extends pulumi.ComponentResource {
  readonly writePaths: ZeroTrustAccessApplication;
  readonly wholeHost: ZeroTrustAccessApplication;

  constructor(name: string, args: PushEndpointArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PushEndpoint", name, {}, opts);
    const { signal, paths } = args.endpoint;
    const planned = planApplications(args.endpoint, args.ownPrefix);
    const limit = destinationLimitHook(signal, paths.length);
    this.writePaths = this.application(
      `${name}-write-paths`,
      args,
      planned.writePaths,
      args.policies,
      [],
      limit === undefined ? {} : { onError: [limit] },
    );
    // After the one on the write paths: where an adopted application lets sites in on the whole host, it must not stop
    // before the other one does; and where it becomes the one on the write paths, it has to let go of the host first
    // (error 11010).
    this.wholeHost = this.application(`${name}-whole-host`, args, planned.wholeHost, [], [this.writePaths]);
    this.registerOutputs({});
  }

  private application(
    name: string,
    args: PushEndpointArgs,
    is: PlannedApplication,
    policies: readonly PolicyAttachment[],
    after: readonly pulumi.Resource[],
    hooks: pulumi.ResourceHookBinding = {},
  ): ZeroTrustAccessApplication {
    return new ZeroTrustAccessApplication(
      name,
      {
        accountId: args.accountId,
        type: "self_hosted",
        name: is.name,
        // The API fills in the first destination for a missing domain; given here, it is known in previews.
        ...(is.uris[0] === undefined ? {} : { domain: is.uris[0] }),
        destinations: is.uris.map((uri) => ({ type: "public", uri })),
        // Always given, even when empty: left out it would mean the same, but not say so.
        policies: policies.map(({ id, precedence }) => ({ id, precedence })),
        sessionDuration,
        // 401 for a missing or wrong token instead of a redirect to a login page, which collectors follow and take
        // for a delivery. Cloudflare refuses it without a Service Auth policy (docs/facts/cloudflare.md, C32).
        serviceAuth401Redirect: policies.length > 0,
        appLauncherVisible: false,
      },
      // A host name and path belong to one application of an account (error 11010): a replacement has to wait for it.
      { parent: this, deleteBeforeReplace: true, dependsOn: [...after], hooks },
    );
  }
}

/** The endpoint of a signal, whose applications stand in front of its host. */
export function endpointOf(
  signal: SignalName,
  endpoints: ReadonlyMap<SignalName, PushEndpoint>,
): PushEndpoint {
  const endpoint = endpoints.get(signal);
  if (endpoint === undefined) {
    throw new Error(`no application protects the endpoint of ${signal}`);
  }
  return endpoint;
}
