import { z } from "zod";
import { UserError } from "../fleet/problem";

/** A resource that a stack's state holds. */
export interface StackResource {
  readonly urn: string;
  /** Type token, such as `cloudflare:index/dnsRecord:DnsRecord`. */
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  /** Cloudflare's ID; empty for components. */
  readonly id: string;
}

/** A stack's checkpoint as `pulumi stack export` gives it (pulumi/pulumi, sdk/go/common/apitype/core.go, DeploymentV3). */
const deploymentSchema = z.looseObject({
  resources: z
    .array(
      z.looseObject({
        urn: z.string(),
        type: z.string(),
        id: z.string().default(""),
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
    .map(({ urn, type, id }) => {
      // `urn:pulumi:<stack>::<project>::<types>::<name>`; the name may hold `::` itself.
      const name = urn.split("::").slice(3).join("::");
      return { urn, type, name, id };
    });
}
