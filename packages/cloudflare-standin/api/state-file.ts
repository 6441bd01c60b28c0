import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { deserialiseDatabase, serialiseDatabase, type Database } from "./database";

const shortestPauseMilliseconds = 100;

/**
 * Keeps a database in a file (mode 0600, in a folder of mode 0700 if it has to be made).
 *
 * A save writes everything, so a save per request would make N writes cost N². Changes are gathered instead: the first
 * one starts a clock, and what has changed when it rings is saved at once. The pause is ten times the last save, at least
 * 0.1 s, so that saving never takes more than a tenth of the time. Answers do not wait for it. A `kill -9` thus loses
 * the last moments, and a caller sees that as objects that were deleted by hand.
 */
export class StateFile {
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  #lastSaveMilliseconds = 0;

  constructor(
    readonly path: string,
    readonly onError: (error: unknown) => void,
  ) {}

  /** The database in the file; undefined when there is no file. Throws, and leaves the file alone, when it holds anything else. */
  async load(): Promise<Database | undefined> {
    let json: string;
    try {
      json = await readFile(this.path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") {
        return undefined;
      }
      throw error;
    }
    try {
      return deserialiseDatabase(json);
    } catch (cause) {
      throw new Error(
        `${this.path}: not a state file of the stand-in. It was left as it is; mend it, move it away, or name another file.`,
        { cause },
      );
    }
  }

  /** Sees to it that the database is saved soon. */
  saveSoon(database: Database): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.save(database).catch(this.onError);
      },
      Math.max(shortestPauseMilliseconds, 10 * this.#lastSaveMilliseconds),
    ).unref();
  }

  /** Saves now, after a save that is under way. */
  async save(database: Database): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#write(database));
    await this.#saving;
  }

  async #write(database: Database): Promise<void> {
    const start = performance.now();
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.path, serialiseDatabase(database), { mode: 0o600 });
    this.#lastSaveMilliseconds = performance.now() - start;
  }
}
