import { z } from "zod";
import { UserError, type Problem } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { logicalNameIn, resourceTypes } from "../provision/declared-objects";

/** A resource that a stack's state holds. */
export interface StackResource {
  readonly urn: string;
  /** Type token, such as `cloudflare:index/dnsRecord:DnsRecord`. */
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  /** Cloudflare's ID; empty for components. */
  readonly id: string;
  /** Of a service token: the version of its secret that the last `up` asked for. */
  readonly secretVersion?: number | undefined;
  /** Of a tunnel's configuration: the rules that are for a host. */
  readonly ingress?: readonly IngressInState[] | undefined;
}

/** Where a tunnel leads a host's write paths, as the last `up` declared it. */
export interface IngressInState {
  readonly hostname: string;
  /** What cloudflared dials. */
  readonly service: string;
  /** Zero Trust team name; empty for a rule that checks no assertion. */
  readonly teamName: string;
  /** Audience tags that an assertion may be for. */
  readonly audiences: readonly string[];
}

const ingressSchema = z
  .looseObject({
    hostname: z.string(),
    service: z.string(),
    originRequest: z
      .looseObject({
        access: z
          .looseObject({ teamName: z.string().default(""), audTags: z.array(z.string()).default([]) })
          .prefault({}),
      })
      .prefault({}),
  })
  .transform(({ hostname, service, originRequest: { access } }): IngressInState => ({
    hostname,
    service,
    teamName: access.teamName,
    audiences: access.audTags,
  }));

/** What is read of a resource's inputs; the rest, secrets among it, is not looked at. */
const inputsSchema = z.looseObject({
  clientSecretVersion: z.int().optional().catch(undefined),
  config: z
    .looseObject({ ingresses: z.array(z.unknown()) })
    .optional()
    .catch(undefined),
});

/** What is known of a resource beside its type, name and ID. */
export function knownInputs(inputs: unknown): Pick<StackResource, "secretVersion" | "ingress"> {
  const { clientSecretVersion, config } = inputsSchema.catch({}).parse(inputs ?? {});
  return {
    ...(clientSecretVersion === undefined ? {} : { secretVersion: clientSecretVersion }),
    ...(config === undefined
      ? {}
      : {
          ingress: config.ingresses.flatMap((rule) => {
            const parsed = ingressSchema.safeParse(rule);
            return parsed.success ? [parsed.data] : [];
          }),
        }),
  };
}

/** A stack's checkpoint as `pulumi stack export` gives it (pulumi/pulumi, sdk/go/common/apitype/core.go, DeploymentV3). */
const deploymentSchema = z.looseObject({
  resources: z
    .array(
      z.looseObject({
        urn: z.string(),
        type: z.string(),
        id: z.string().default(""),
        inputs: z.unknown().optional(),
        /** A replaced resource whose successor stands already, under the same URN. */
        delete: z.boolean().default(false),
      }),
    )
    .nullish(),
});

/**
 * Reads what an exported deployment holds. A stack that was never brought up holds nothing.
 *
 * @throws UserError when it is not a deployment.
 */
export function parseDeployment(deployment: unknown, stackName: string): readonly StackResource[] {
  const parsed = deploymentSchema.safeParse(deployment ?? {});
  if (!parsed.success) {
    throw new UserError({
      subject: `stack ${stackName}`,
      says: "`pulumi stack export` gave something that is not a deployment",
      todo: "Update the Pulumi CLI, and name the right stack with --stack",
    });
  }
  return (parsed.data.resources ?? [])
    .filter((resource) => !resource.delete)
    .map(({ urn, type, id, inputs }) => ({
      urn,
      type,
      name: logicalNameIn(urn),
      id,
      ...knownInputs(inputs),
    }));
}

/** The version of each site's secret by the stack's state. A token that was never rotated has none there, and is at the first. */
export function secretVersionsIn(resources: readonly StackResource[]): ReadonlyMap<string, number> {
  return new Map(
    resources
      .filter(({ type }) => type === resourceTypes.token)
      .map(({ name, secretVersion = 1 }) => [name, secretVersion]),
  );
}

/**
 * Says that a rotation that `up` has carried out is not in the site's file any more: the edit was not committed, or was
 * undone. `up` refuses to go back, because Cloudflare cannot (docs/facts/cloudflare.md, C5).
 */
export function lostRotationProblem(
  { file, token: { secretVersion } }: Pick<Site, "file" | "token">,
  inStack: number | undefined,
): Problem | undefined {
  return inStack === undefined || inStack <= secretVersion
    ? undefined
    : {
        subject: file,
        says: `token.secretVersion is ${secretVersion}, and the stack is at ${inStack}: that rotation is not in the file any more`,
        todo: `Bring the file back from the machine or the commit that rotated it, or set secretVersion: ${inStack} and previousSecretExpiresAt; \`up\` refuses to go back`,
      };
}
