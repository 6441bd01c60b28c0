import type { Cloudflare } from "cloudflare";
import { z } from "zod";
import { revealed } from "../../stack/state-file-reader";
import { propertiesOf, structOf, unknownValue, type Properties } from "./properties";

/** What the engine has to know of one type of resource: how the provider would make, change and delete it. */
export interface ResourceKind {
  /** Type token. */
  readonly type: string;
  /** The API token's permission that changing it needs, in the dashboard's words. */
  readonly permission: string;
  /** Inputs that cannot change in place. */
  readonly replaceOn: readonly string[];
  /** What is wrong with the inputs as far as they are known. */
  check(inputs: Properties): readonly InputProblem[];
  create(client: Cloudflare, inputs: Properties): Promise<Made>;
  /** What Cloudflare has under an import ID, whose form is the provider's own. Rejects with NotFoundError when there is none. */
  import(client: Cloudflare, importId: string): Promise<Imported>;
  /** Outputs after the change. */
  update(client: Cloudflare, id: string, inputs: Properties, outputs: Properties): Promise<Properties>;
  /** Outputs of a change that is only previewed. */
  previewUpdate(inputs: Properties, outputs: Properties, changed: readonly string[]): Properties;
  /** Both as Cloudflare has them now. Rejects with NotFoundError when it is gone. */
  read(
    client: Cloudflare,
    id: string,
    inputs: Properties,
    outputs: Properties,
  ): Promise<Pick<Imported, "inputs" | "outputs">>;
  delete(client: Cloudflare, id: string, inputs: Properties): Promise<void>;
}

interface InputProblem {
  /** Path of the property. */
  readonly property: string;
  readonly reason: string;
}

/** A resource that was just made. */
interface Made {
  readonly id: string;
  readonly outputs: Properties;
}

/** A resource that was made elsewhere. */
interface Imported extends Made {
  /** What the program would have had to declare for it to come out so. */
  readonly inputs: Properties;
}

/** A kind by its typed inputs and Cloudflare's answers; `defineKind` derives the rest. */
interface KindDefinition<Inputs> extends Pick<ResourceKind, "type" | "permission" | "replaceOn"> {
  /** Strict: an input that the engine does not send is an error, instead of being left out in silence. */
  readonly inputs: z.ZodType<Inputs>;
  /** The account or zone that the object is in. */
  readonly scopeOf: (inputs: Inputs) => string;
  /** Form of the provider's import IDs, such as `<zone_id>/<dns_record_id>`: the scope, then the object. */
  readonly importIdForm: string;
  readonly create: (client: Cloudflare, inputs: Inputs) => Promise<unknown>;
  /** @param before the outputs until then, of which the provider repeats some. */
  readonly update: (client: Cloudflare, id: string, inputs: Inputs, before: Properties) => Promise<unknown>;
  readonly get: (client: Cloudflare, id: string, scope: string) => Promise<unknown>;
  readonly delete: (client: Cloudflare, id: string, scope: string) => Promise<unknown>;
  /**
   * The inputs behind an answer to `get`. Settings that `inputs` does not know are left out, so the engine sees no
   * difference where only they differ.
   */
  readonly inputsOf: (answer: unknown, scope: string, id: string) => Inputs;
  /** Inputs that the provider keeps when it reads the object again; none by default. */
  readonly keptOnRead?: readonly string[];
  /** Inputs that a read takes from the answer also where they were not declared, which the provider then plans to take away; none by default. */
  readonly filledIn?: readonly string[];
  /** What comes in answers beside the inputs and the ID; nothing by default. */
  readonly outputsOf?: (answer: unknown, before: Properties) => Properties;
  /** The answer's `id` by default. */
  readonly idOf?: (inputs: Inputs) => string;
  /** Outputs that a change of these inputs makes anew, unknown until then; none by default. */
  readonly unknownAfter?: (changed: readonly string[]) => readonly string[];
}

export function defineKind<Inputs extends Properties>(definition: KindDefinition<Inputs>): ResourceKind {
  const {
    type,
    permission,
    replaceOn,
    scopeOf,
    keptOnRead = [],
    filledIn = [],
    outputsOf = () => ({}),
  } = definition;
  const parse = (inputs: Properties): Inputs => definition.inputs.parse(revealed(inputs));
  const idOf = (inputs: Inputs, answer: unknown): string =>
    definition.idOf === undefined ? withId.parse(answer).id : definition.idOf(inputs);
  const foundIn = (answer: unknown, scope: string, object: string) => {
    const typed = definition.inputs.parse(definition.inputsOf(withoutNulls(answer), scope, object));
    return { inputs: propertiesOf(structOf(typed)), id: idOf(typed, answer) };
  };
  return {
    type,
    permission,
    replaceOn,
    check(inputs) {
      const known = revealed(inputs);
      return (definition.inputs.safeParse(known).error?.issues ?? [])
        .filter(({ path }) => !isUnknownAt(known, path))
        .map(({ path, message }) => ({ property: path.join("."), reason: message }));
    },
    async create(client, inputs) {
      const typed = parse(inputs);
      const answer = await definition.create(client, typed);
      const id = idOf(typed, answer);
      return { id, outputs: { ...inputs, id, ...outputsOf(answer, {}) } };
    },
    async import(client, importId) {
      const [scope, object] = importIdParts(importId, definition.importIdForm);
      const answer = await definition.get(client, object, scope);
      const { inputs, id } = foundIn(answer, scope, object);
      return { id, inputs, outputs: { ...inputs, id, ...outputsOf(answer, {}) } };
    },
    async update(client, id, inputs, outputs) {
      const answer = await definition.update(client, id, parse(inputs), outputs);
      return { ...inputs, id, ...outputsOf(answer, outputs) };
    },
    previewUpdate(inputs, outputs, changed) {
      const unknown = definition.unknownAfter?.(changed) ?? [];
      return {
        ...outputs,
        ...inputs,
        ...Object.fromEntries(unknown.map((name) => [name, unknownValue] as const)),
      };
    },
    async read(client, id, inputs, outputs) {
      const scope = scopeOf(parse(inputs));
      const answer = await definition.get(client, id, scope);
      const found = foundIn(answer, scope, id).inputs;
      // What was not declared is mostly Cloudflare's own default, which no later `up` would take away.
      const read = Object.fromEntries([
        ...Object.entries(inputs).filter(([name]) => keptOnRead.includes(name)),
        ...Object.entries(found).filter(
          ([name]) => !keptOnRead.includes(name) && (name in inputs || filledIn.includes(name)),
        ),
      ]);
      return { inputs: read, outputs: { ...read, id, ...outputsOf(answer, outputs) } };
    },
    async delete(client, id, inputs) {
      await definition.delete(client, id, scopeOf(parse(inputs)));
    },
  };
}

const withId = z.looseObject({ id: z.string() });

/** To the provider, what an answer leaves out and what it gives as null is the same: both are null in its state (terraform-provider-cloudflare v5, internal/apijson/decoder.go). */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutNulls);
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).flatMap(([name, inner]) =>
          inner === null ? [] : [[name, withoutNulls(inner)]],
        ),
      )
    : value;
}

/** Whether a value, or what it is a part of, or any part of it, is known only after an `up`. */
function isUnknownAt(value: unknown, [step, ...more]: readonly PropertyKey[]): boolean {
  if (value === unknownValue) {
    return true;
  }
  if (step !== undefined) {
    return typeof value === "object" && value !== null && isUnknownAt(Reflect.get(value, step), more);
  }
  return (
    typeof value === "object" && value !== null && Object.values(value).some((part) => isUnknownAt(part, []))
  );
}

/**
 * Splits an import ID into the parts that the provider asks for (terraform-provider-cloudflare v5,
 * internal/importpath/importpath.go; docs/facts/provider.md, P22). Words of the form that are not in brackets stand for themselves.
 */
function importIdParts(importId: string, form: string): readonly [scope: string, object: string] {
  const wanted = form.split("/");
  const given = importId.split("/");
  const parts = given.filter((_, index) => wanted[index]?.startsWith("<"));
  const [scope, object] = parts;
  const fits =
    given.length === wanted.length &&
    wanted.every((word, index) => word.startsWith("<") || word === given[index]);
  if (!fits || scope === undefined || object === undefined || parts.includes("")) {
    throw new Error(`invalid ID "${importId}": expected segments "${form}"`);
  }
  return [scope, object];
}
