/** How a run of an engine ended. */
export interface RunResult {
  readonly exitCode: number;
  /** All that was printed, both streams. */
  readonly text: string;
}

/** What a site's collector is given, with its secret in clear. */
export interface SiteCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly expiresAt: string;
  readonly endpoints: Readonly<Record<string, string>>;
}

/** The stack's outputs in clear, a public contract. */
export interface RevealedOutputs {
  readonly sites: Readonly<Record<string, SiteCredentials>>;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly tunnelId?: string | undefined;
  readonly tunnelToken?: string | undefined;
}

/** One stack of a copy of the project, run by either engine against the stand-in. */
export interface Stack {
  readonly up: () => Promise<RunResult>;
  readonly preview: () => Promise<RunResult>;
  readonly refresh: () => Promise<RunResult>;
  readonly destroy: () => Promise<RunResult>;
  /** Everything that the engine keeps of the stack, as text; secrets are not in it in clear. */
  readonly storedText: () => string;
  /** @throws when there are none, or they are not what the contract says. */
  readonly outputs: () => Promise<RevealedOutputs>;
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
