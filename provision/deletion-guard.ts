import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../fleet/config";
import { hookResources, resourceHook } from "./pulumi-program";

/**
 * Under `sitepass:protect` refuses whatever `pulumi destroy` would delete. Without `--run-program` the engine refuses by
 * itself, because it cannot ask; with it, a destroy is told from an `up` by what it deletes: something that the program has
 * just declared, with the ID that it still has. An `up` deletes what is no longer declared, and of what is replaced the one
 * with the former ID, or the one whose successor is not there yet.
 *
 * Call it before anything is declared.
 */
export function guardDeletions({ protect }: Pick<Config, "protect">): void {
  const standing = new Map<string, string>();
  let destroying = false;
  // Named after what it guards, because the engine shows the name when it cannot ask. Always registered: the state may
  // hold resources that were given it before the protection was taken off.
  const guard = resourceHook("sitepass:protect", ({ urn, id, name }) => {
    // The rest of what is deleted need not be declared.
    destroying ||= standing.get(urn) === id;
    return protect && destroying
      ? {
          subject: "sitepass:protect",
          says: `is true, and this would delete ${name} with the rest of the stack`,
          todo: "Set it to false first, if all of this is to go",
        }
      : undefined;
  });
  if (protect && guard !== undefined) {
    hookResources((_type, resource) => {
      // Its outputs are there once its constructor has ended.
      queueMicrotask(() => {
        if (pulumi.CustomResource.isInstance(resource)) {
          pulumi.all([resource.urn, resource.id]).apply(([urn, id]) => standing.set(urn, id));
        }
      });
      return { beforeDelete: [guard] };
    });
  }
}
