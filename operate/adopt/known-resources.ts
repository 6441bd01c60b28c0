import type { StackResource } from "../../stack/stack-resources";
import type { DeclaredResource, ResourceType } from "./declared";

/** What the stack has already, to be asked by what it is in Cloudflare and by what it is in the program. */
export class KnownResources {
  private readonly names = new Map<string, string>();
  private readonly ids = new Map<string, string>();

  constructor(resources: readonly StackResource[]) {
    for (const { type, name, id } of resources) {
      this.names.set(`${type} ${id}`, name);
      this.ids.set(`${type} ${name}`, id);
    }
  }

  /** The logical name under which the stack has an object of Cloudflare's; undefined when it does not have it. */
  nameOf(type: ResourceType, id: string): string | undefined {
    return this.names.get(`${type} ${id}`);
  }

  /** The ID of the object that a resource of the program is already; undefined before it was made or imported. */
  idOf({ type, name }: Pick<DeclaredResource, "type" | "name">): string | undefined {
    return this.ids.get(`${type} ${name}`);
  }
}
