import { existsSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { UserError } from "../fleet/problem";
import { readTextFile } from "../fleet/system-errors";
import { jsonIn, withoutResources } from "./exported-state";
import type { StackReader } from "./open-stack";
import { parseOutputs } from "./stack-outputs";
import { knownInputs } from "./stack-resources";

const properties = z.record(z.string(), z.unknown()).readonly();

const resourceSchema = z.strictObject({
  urn: z.string(),
  /** Type token, such as `cloudflare:index/dnsRecord:DnsRecord`. */
  type: z.string(),
  /** Logical name. */
  name: z.string(),
  /** False for components, which exist in the stack alone. */
  custom: z.boolean(),
  /** Cloudflare's ID; empty for components. */
  id: z.string(),
  parent: z.string(),
  inputs: properties,
  outputs: properties,
  /** URNs of what this resource needs: deleted after it. */
  dependencies: z.array(z.string()).readonly(),
  protect: z.boolean(),
  deletedWith: z.string(),
  /** Names of the program's hooks that are asked before it is deleted. */
  beforeDelete: z.array(z.string()).readonly().default([]),
});

const stateSchema = z.strictObject({
  version: z.literal(2),
  /** In an order in which each resource comes after what it needs. */
  resources: z.array(resourceSchema).readonly(),
  /** Replaced resources that still have to be deleted; each has a successor of the same URN among the resources. */
  replaced: z.array(resourceSchema).readonly(),
  outputs: properties,
});

/** The state file of local/engine: a stack as Pulumi's own checkpoint would keep it, secrets marked, but in clear. */
export type StateDocument = Readonly<z.infer<typeof stateSchema>>;

/** One resource that a stack has. */
export type ResourceState = Readonly<z.infer<typeof resourceSchema>>;

/**
 * Reads a state file of local/engine; undefined where there is none.
 *
 * @throws UserError when it is something else.
 */
export function readStateFile(path: string): StateDocument | undefined {
  const text = readTextFile(path);
  if (text === undefined) {
    return undefined;
  }
  const document = jsonIn(text);
  const parsed = stateSchema.safeParse(document);
  if (parsed.success) {
    return parsed.data;
  }
  throw new UserError(
    isObject(document) && document.version === 1 && "salt" in document
      ? {
          subject: path,
          says: "was written by an earlier version of local/engine, which encrypted secrets",
          todo: "Move it away and start anew, with a new stand-in",
        }
      : {
          subject: path,
          says: "is not a state file of local/engine",
          todo: "Move it away to start anew, or name another with --state",
        },
  );
}

/**
 * Reads a stack from a state file of local/engine in place of the Pulumi CLI.
 *
 * @param neverUp "allowed" where the stack may not have been brought up: without a file it then holds nothing. Otherwise a
 * file that is not there may be a wrong path, behind which a fleet lives.
 */
export function stateFileReader(path: string, neverUp?: "allowed"): StackReader {
  const read = (): StateDocument => {
    const state = readStateFile(path);
    if (state === undefined) {
      throw new UserError({
        subject: path,
        says: "does not exist",
        todo: "Make it with `npm run engine -- up`, or leave out --state to ask pulumi",
      });
    }
    return state;
  };
  return {
    outputs: (_directory, stackName) => promised(() => parseOutputs(revealed(read().outputs), stackName)),
    resources: () =>
      promised(() => {
        const { resources } = neverUp === "allowed" && !existsSync(path) ? { resources: [] } : read();
        return resources.map(({ urn, type, name, id, inputs }) => ({
          urn,
          type,
          name,
          id,
          ...knownInputs(inputs),
        }));
      }),
    exportState: () =>
      promised(() => {
        const { resources, replaced, ...rest } = read();
        return {
          resources: [...resources, ...replaced],
          // A run that is broken off keeps nothing of what it began.
          pending: [],
          without: (forgotten) => {
            const kept = {
              ...rest,
              resources: withoutResources(resources, forgotten),
              replaced: withoutResources(replaced, forgotten, resources),
            };
            return `${JSON.stringify(kept, undefined, 1)}\n`;
          },
          replaceWith: (document) => writeFileAtomic(path, document, { mode: 0o600 }),
        };
      }),
    secretConfig: (_directory, stackName, key) =>
      Promise.reject(
        new UserError({
          subject: `Pulumi.${stackName}.yaml`,
          says: `${key} is encrypted, which only the Pulumi CLI can read`,
          todo: "Take it out of the file and export CLOUDFLARE_API_TOKEN, or leave out --state",
        }),
      ),
  };
}

const promised = <T>(work: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(work());
  });

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Stands beside the `value` of a secret (@pulumi/pulumi 3.248.0, runtime/rpc.ts, `specialSigKey`, `specialSecretSig`). */
export const secretMarker = { [signatureKey]: secretSignature };

/** A copy in which every secret is replaced. */
export function mapSecrets(value: unknown, replace: (hidden: unknown) => unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => mapSecrets(item, replace));
  }
  if (!isObject(value)) {
    return value;
  }
  return value[signatureKey] === secretSignature
    ? replace(value.value)
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapSecrets(item, replace)]));
}

/** A copy without markers of secrecy, as an API takes it. */
export function revealed(value: unknown): unknown {
  return mapSecrets(value, revealed);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
