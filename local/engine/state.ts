import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { readStateFile, type ResourceState, type StateDocument } from "../../stack/state-file-reader";

/** What a stack has. */
export type StackState = Omit<StateDocument, "version">;

export const emptyState: StackState = { resources: [], replaced: [], outputs: {} };

/**
 * A stack's state on disk: written whole, and readable for its owner only. Secrets in it are in clear: they are those of an
 * account that exists on this machine alone.
 */
export class SavedState {
  /** The state as it was when the file was opened. */
  readonly opened: StackState;
  readonly #path: string;
  #newest: StackState = emptyState;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @throws UserError when the file is something else. */
  constructor(path: string) {
    this.#path = path;
    this.opened = readStateFile(path) ?? emptyState;
  }

  /**
   * Returns when this state, or a later one, is on disk. Writes are grouped: what changes while one is under way goes into
   * the next. So a finished operation is never lost, and a thousand of them do not write the file a thousand times.
   */
  save(state: StackState): Promise<void> {
    this.#newest = state;
    this.#next ??= this.#writing
      // Whoever asked for the write before this one was told of its failure.
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write(this.#newest);
        return this.#writing;
      });
    return this.#next;
  }

  async #write({ resources, replaced, outputs }: StackState): Promise<void> {
    const document: StateDocument = { version: 2, resources, replaced, outputs };
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#path, `${JSON.stringify(document, undefined, 1)}\n`, { mode: 0o600 });
  }
}

/** For messages: the type's last part and the logical name. */
export function shortName({ type, name }: Pick<ResourceState, "type" | "name">): string {
  return `${type.slice(type.lastIndexOf(":") + 1)} ${name}`;
}

const stackType = "pulumi:pulumi:Stack";

/** URNs as Pulumi writes them: the types of all parents but the stack, outermost first. */
export class UrnScheme {
  /** The root of every stack's resources. */
  readonly stack: Pick<ResourceState, "urn" | "type" | "name">;
  readonly #prefix: string;

  constructor(project: string, stack: string) {
    this.#prefix = `urn:pulumi:${stack}::${project}::`;
    const name = `${project}-${stack}`;
    this.stack = { urn: this.of("", stackType, name), type: stackType, name };
  }

  of(parent: string, type: string, name: string): string {
    const parentTypes = parent.startsWith(this.#prefix)
      ? (parent.slice(this.#prefix.length).split("::")[0] ?? "")
      : "";
    const qualified = parentTypes === "" || parentTypes === stackType ? type : `${parentTypes}$${type}`;
    return `${this.#prefix}${qualified}::${name}`;
  }
}
