import type { Cloudflare } from "cloudflare";
import type { z } from "zod";
import { isObject, revealed, unknownValue, type Properties } from "./properties";
import { propertiesOf, structOf } from "./struct";

/** What the engine has to know of one type of resource: how the provider would make, change and delete it. */
export interface ResourceKind {
  /** Type token. */
  readonly type: string;
  /** The API token's permission that changing it needs, in the dashboard's words. */
  readonly permission: string;
  /** Inputs that cannot change in place. */
  readonly replaceOn: readonly string[];
  create(client: Cloudflare, inputs: Properties): Promise<Made>;
  /** What Cloudflare has under an import ID, whose form is the provider's own. Rejects with NotFoundError when it has none. */
  import(client: Cloudflare, importId: string): Promise<Imported>;
  /** Outputs after the change. */
  update(client: Cloudflare, id: string, inputs: Properties, outputs: Properties): Promise<Properties>;
  /** Outputs as Cloudflare has them now. Rejects with NotFoundError when it is gone. */
  read(client: Cloudflare, id: string, inputs: Properties, outputs: Properties): Promise<Properties>;
  delete(client: Cloudflare, id: string, inputs: Properties): Promise<void>;
  /** Outputs that a change of these inputs makes anew, unknown until then. */
  unknownAfter(changed: readonly string[]): readonly string[];
}

/** A resource that was just made. */
export interface Made {
  readonly id: string;
  readonly outputs: Properties;
}

/** A resource that was made elsewhere. */
export interface Imported extends Made {
  /** What the program would have had to declare for it to come out so. */
  readonly inputs: Properties;
}

/** A kind by its typed inputs; `defineKind` puts the checks around it. */
interface KindDefinition<Inputs> extends Pick<ResourceKind, "type" | "permission" | "replaceOn"> {
  /** Strict: an input that the engine does not send is an error, not a silence. */
  readonly inputs: z.ZodType<Inputs>;
  create(client: Cloudflare, inputs: Inputs): Promise<Made>;
  /** Settings that `inputs` does not know are left out, so a difference in them alone is none to this engine. */
  import(client: Cloudflare, importId: string): Promise<Made & { readonly inputs: Inputs }>;
  update(client: Cloudflare, id: string, inputs: Inputs, outputs: Properties): Promise<Properties>;
  read(client: Cloudflare, id: string, inputs: Inputs, outputs: Properties): Promise<Properties>;
  delete(client: Cloudflare, id: string, inputs: Inputs): Promise<void>;
  readonly unknownAfter?: (changed: readonly string[]) => readonly string[];
}

export function defineKind<Inputs>(definition: KindDefinition<Inputs>): ResourceKind {
  const parse = (inputs: Properties): Inputs => definition.inputs.parse(revealed(inputs));
  return {
    type: definition.type,
    permission: definition.permission,
    replaceOn: definition.replaceOn,
    async create(client, inputs) {
      const { id, outputs } = await definition.create(client, parse(inputs));
      return { id, outputs: { ...inputs, id, ...outputs } };
    },
    async import(client, importId) {
      const { id, inputs, outputs } = await definition.import(client, importId);
      const properties = propertiesOf(structOf(asProperties(definition.inputs.parse(inputs))));
      return { id, inputs: properties, outputs: { ...properties, id, ...outputs } };
    },
    async update(client, id, inputs, outputs) {
      return { ...inputs, id, ...(await definition.update(client, id, parse(inputs), outputs)) };
    },
    async read(client, id, inputs, outputs) {
      return { ...inputs, id, ...(await definition.read(client, id, parse(inputs), outputs)) };
    },
    delete: (client, id, inputs) => definition.delete(client, id, parse(inputs)),
    unknownAfter: definition.unknownAfter ?? (() => []),
  };
}

function asProperties(inputs: unknown): Properties {
  return isObject(inputs) ? inputs : {};
}

/** Outputs of a change that is only previewed. */
export function previewedOutputs(
  kind: ResourceKind,
  inputs: Properties,
  outputs: Properties,
  changed: readonly string[],
): Properties {
  const unknown = Object.fromEntries(kind.unknownAfter(changed).map((name) => [name, unknownValue]));
  return { ...outputs, ...inputs, ...unknown };
}
