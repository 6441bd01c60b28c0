import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { logicalNameIn } from "./declared-objects";

/** An object in Cloudflare that the stack's state holds. */
export interface HeldObject {
  /** Type token, such as `cloudflare:index/dnsRecord:DnsRecord`. */
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  /** Cloudflare's ID. */
  readonly id: string;
}

const answerSchema = z.object({
  outputs: z.record(
    z.string(),
    z.object({ type: z.string(), outputs: z.object({ id: z.string().optional().catch(undefined) }) }),
  ),
});

/**
 * Asks the engine what the stack's state holds, as it was last saved: objects may have other names there than they are
 * declared with now. It reads the whole state; so only to be asked when something would otherwise be refused.
 *
 * @returns undefined when the engine does not say.
 */
export async function readHeldObjects(): Promise<readonly HeldObject[] | undefined> {
  try {
    const stackName = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
    const answer: unknown = await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {
      stackName,
    });
    return Object.entries(answerSchema.parse(answer).outputs).flatMap(
      ([
        urn,
        {
          type,
          outputs: { id },
        },
      ]) => (id === undefined ? [] : [{ type, id, name: logicalNameIn(urn) }]),
    );
  } catch (error) {
    await pulumi.log.debug(`what the stack holds cannot be read: ${String(error)}`);
    return undefined;
  }
}
