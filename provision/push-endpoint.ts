import { ZeroTrustAccessApplication } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { destinationOf } from "../cloudflare/access-evaluation";
import { planApplications, sessionDuration, type PlannedApplication } from "./declared-objects";
import type { Endpoint } from "../fleet/config";
import type { Problem } from "../fleet/problem";
import type { SignalName } from "../fleet/signals";
import { destinationLimitHook } from "./destination-limit";
import type { PolicyAttachment } from "./push-policies";
import { propertyOf, resourceHook } from "./pulumi-program";

export interface PushEndpointArgs {
  readonly accountId: string;
  readonly endpoint: Endpoint;
  /** Who may push, by precedence; at least one policy. */
  readonly policies: readonly PolicyAttachment[];
  /** The policy that lets nobody in. */
  readonly nobody: PolicyAttachment;
  readonly ownPrefix: string;
}

/**
 * Access in front of one signal's host: an application on the write paths that lets the sites' tokens in, and one on
 * the whole host that lets nobody in and says so with 401. The second is needed because an application on a path protects
 * that path alone (docs/facts/edge.md, E11): without it, queries and reloads would be open.
 */
export class PushEndpoint extends pulumi.ComponentResource {
  readonly writePaths: ZeroTrustAccessApplication;
  readonly wholeHost: ZeroTrustAccessApplication;

  constructor(name: string, args: PushEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PushEndpoint", name, {}, options);
    const planned = planApplications(args.endpoint, args.ownPrefix);
    const guard = resourceHook(`sitepass-host-guard-${name}`, ({ oldInputs, newInputs }) =>
      movedHostProblem(name, hostIn(oldInputs), hostIn(newInputs)),
    );
    const limit = destinationLimitHook(args.endpoint.signal, args.endpoint.paths.length);
    const beforeUpdate = guard === undefined ? {} : { beforeUpdate: [guard] };
    this.writePaths = application(args, planned.writePaths, args.policies, {
      parent: this,
      hooks: { ...beforeUpdate, ...(limit === undefined ? {} : { onError: [limit] }) },
    });
    // After the one on the write paths: where an adopted application lets sites in on the whole host, it must not stop
    // before the other one does; and where it becomes the one on the write paths, it has to let go of the host first
    // (error 11010).
    this.wholeHost = application(args, planned.wholeHost, [args.nobody], {
      parent: this,
      hooks: beforeUpdate,
      dependsOn: [this.writePaths],
    });
    this.registerOutputs({});
  }
}

function application(
  { accountId }: PushEndpointArgs,
  { logicalName, formerName, name, uris }: PlannedApplication,
  policies: readonly PolicyAttachment[],
  opts: pulumi.CustomResourceOptions,
): ZeroTrustAccessApplication {
  return new ZeroTrustAccessApplication(
    logicalName,
    {
      accountId,
      type: "self_hosted",
      name,
      // The API fills in the first destination for a missing domain; given here, it is known in previews.
      ...(uris[0] === undefined ? {} : { domain: uris[0] }),
      destinations: uris.map((uri) => ({ type: "public", uri })),
      policies: policies.map(({ id, precedence }) => ({ id, precedence })),
      sessionDuration,
      // 401 for a missing or wrong token instead of a redirect to a login page, which collectors follow and take
      // for a delivery. Cloudflare refuses it without a Service Auth policy (docs/facts/cloudflare.md, C32).
      serviceAuth401Redirect: true,
      appLauncherVisible: false,
    },
    {
      ...opts,
      aliases: [{ name: formerName }],
      // A host name and path belong to one application of an account (error 11010): a replacement has to wait for it.
      deleteBeforeReplace: true,
    },
  );
}

/**
 * What is wrong with moving an application to another host in place: the old one's record still leads there. Only an
 * application that still has its former logical name can be asked to.
 */
function movedHostProblem(signal: string, before: string, after: string): Problem | undefined {
  return before === after || before === ""
    ? undefined
    : {
        subject: `sitepass:endpoints.${signal}.hostname`,
        says: `is "${after}", and the stack's applications have to be renamed once before they can be moved: ${before} would be open until its DNS record has moved`,
        todo: `Set it back to ${before}, run \`pulumi up\`, and then change it`,
      };
}

function hostIn(inputs: unknown): string {
  const domain = propertyOf(inputs, "domain");
  return typeof domain === "string" ? destinationOf(domain).host : "";
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
