import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { UserError } from "../../fleet/problem";
import { isObject, mapSecrets, secret } from "./properties";
import { secretBox, type SecretBox } from "./secret-box";
import { emptyState, type ResourceState, type StackState } from "./state";

const properties = z.record(z.string(), z.unknown());

const resource = z.strictObject({
  urn: z.string(),
  type: z.string(),
  name: z.string(),
  custom: z.boolean(),
  id: z.string(),
  parent: z.string(),
  inputs: properties,
  outputs: properties,
  dependencies: z.array(z.string()),
  protect: z.boolean(),
  deletedWith: z.string(),
});

const fileSchema = z.strictObject({
  version: z.literal(1),
  salt: z.string(),
  resources: z.array(resource),
  condemned: z.array(resource),
  outputs: properties,
});

/** Marks an encrypted value in the file. */
const sealedKey = "sealed";

/**
 * A stack's state on disk: written whole, readable for its owner only, and with every secret in it encrypted.
 *
 * Writes are grouped: what changes while one is under way goes into the next, and `save` returns when its own change
 * is on disk. So a finished operation is never lost, and a thousand of them do not write the file a thousand times.
 */
export class StateFile {
  private readonly path: string;
  private readonly box: SecretBox;
  private readonly stored: StackState;
  private newest: StackState = emptyState;
  private underWay: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;

  /** @throws UserError when the file cannot be read or was written with another passphrase. */
  constructor(path: string, passphrase: string) {
    this.path = path;
    if (!existsSync(path)) {
      this.box = secretBox(passphrase);
      this.stored = emptyState;
      return;
    }
    const parsed = fileSchema.safeParse(parseJson(path));
    if (!parsed.success) {
      throw new UserError([`${path}: is no state file of this engine. Move it away to start anew.`]);
    }
    this.box = secretBox(passphrase, parsed.data.salt);
    const { resources, condemned, outputs } = parsed.data;
    const opened = (stored: z.infer<typeof resource>): ResourceState => ({
      ...stored,
      inputs: this.unsealed(stored.inputs),
      outputs: this.unsealed(stored.outputs),
    });
    this.stored = {
      resources: resources.map(opened),
      condemned: condemned.map(opened),
      outputs: this.unsealed(outputs),
    };
  }

  /** The state as it was when the file was opened. */
  get state(): StackState {
    return this.stored;
  }

  save(state: StackState): Promise<void> {
    this.newest = state;
    this.next ??= this.underWay
      // Whoever asked for the write before this one was told of its failure.
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        this.underWay = this.write(this.newest);
        return this.underWay;
      });
    return this.next;
  }

  private async write(state: StackState): Promise<void> {
    const seal = (value: unknown) => mapSecrets(value, (hidden) => ({ [sealedKey]: this.box.seal(hidden) }));
    const closed = (open: ResourceState) => ({
      ...open,
      inputs: seal(open.inputs),
      outputs: seal(open.outputs),
    });
    const file = {
      version: 1,
      salt: this.box.salt,
      resources: state.resources.map(closed),
      condemned: state.condemned.map(closed),
      outputs: seal(state.outputs),
    };
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.path, `${JSON.stringify(file, undefined, 1)}\n`, { mode: 0o600 });
  }

  private unsealed(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.unsealedValue(item)]));
  }

  private unsealedValue(value: unknown): unknown {
    if (Array.isArray(value)) {
      return value.map((item) => this.unsealedValue(item));
    }
    if (!isObject(value)) {
      return value;
    }
    const sealed = value[sealedKey];
    return typeof sealed === "string" && Object.keys(value).length === 1
      ? secret(this.opened(sealed))
      : this.unsealed(value);
  }

  private opened(sealed: string): unknown {
    try {
      return this.box.open(sealed);
    } catch {
      throw new UserError([
        `PULUMI_CONFIG_PASSPHRASE: does not open the secrets in ${this.path}. Set it to the passphrase that the file was made with.`,
      ]);
    }
  }
}

function parseJson(path: string): unknown {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return value;
  } catch {
    return undefined;
  }
}
