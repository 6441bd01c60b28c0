import { NotFoundError, type Cloudflare } from "cloudflare";
import { kindOf } from "./resource-kinds";
import type { StackState } from "./state";

/** Looks at every resource again: what Cloudflare no longer has leaves the state, as with `pulumi refresh`. */
export async function refreshed(client: Cloudflare, before: StackState): Promise<StackState> {
  const resources = await Promise.all(
    before.resources.map(async (resource) => {
      if (!resource.custom) {
        return resource;
      }
      try {
        const { id, inputs, outputs } = resource;
        return { ...resource, outputs: await kindOf(resource.type).read(client, id, inputs, outputs) };
      } catch (error) {
        if (error instanceof NotFoundError) {
          return undefined;
        }
        throw error;
      }
    }),
  );
  return { ...before, resources: resources.filter((resource) => resource !== undefined) };
}
