import type { RevealedOutputs } from "../../stack/stack-outputs";

/** How a run of an engine ended. */
export interface RunResult {
  readonly exitCode: number;
  /** All that was printed, both streams. */
  readonly text: string;
}

/** What the sitepass command line is given to work on a stack. */
export interface StackPlace {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** One stack of a copy of the project, run by either engine against the stand-in. */
export interface Stack {
  readonly up: () => Promise<RunResult>;
  readonly preview: () => Promise<RunResult>;
  readonly refresh: () => Promise<RunResult>;
  readonly destroy: () => Promise<RunResult>;
  /** Takes in what exists in Cloudflare, by a document of `pulumi import --file`. */
  readonly importFile: (file: string) => Promise<RunResult>;
  /** Everything that the engine keeps of the stack, as text; secrets are not in it in clear. */
  readonly storedText: () => string;
  /** @throws when there are none, or they are not what the contract says. */
  readonly outputs: () => Promise<RevealedOutputs>;
  readonly place: StackPlace;
}

/** What a stack is run with. */
export interface StackOptions {
  /** A copy of the project; see project-copy.ts. */
  readonly directory: string;
  /** A folder of the stack's own, for its state: only the owner may read it. */
  readonly home: string;
  readonly stackName: string;
  readonly baseUrl: string;
  readonly apiToken: string;
  readonly passphrase: string;
  /** Shown as it comes, beside being returned; nothing by default. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}
