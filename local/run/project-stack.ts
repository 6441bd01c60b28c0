import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseOutputs, type RevealedOutputs } from "../../stack/stack-outputs";
import { stateFileReader } from "../../stack/state-file-reader";
import { requireLoopback } from "../engine/loopback";
import { keepCompiled, takeCompiled, useOriginalTsconfig } from "./compiled-program";
import type { PulumiInstallation } from "./pulumi-installation";
import { runProcess, type ProcessResult, type RunResult } from "./processes";
import { runInWaitingEngine } from "./waiting-engines";
import { providerPort } from "./waiting-providers";

const root = join(__dirname, "..", "..");

/** One stack of a copy of the project, run by either engine against the stand-in. */
export interface ProjectStack {
  /** Makes the stack, as `pulumi stack init` does; the others make it by themselves. */
  readonly init: () => Promise<void>;
  /** Each with options of the engine's own, beside those that it needs to ask nothing. */
  readonly up: (...flags: readonly string[]) => Promise<RunResult>;
  readonly preview: (...flags: readonly string[]) => Promise<RunResult>;
  /** local/engine, which keeps nothing that is pending, takes no options. */
  readonly refresh: (...flags: readonly string[]) => Promise<RunResult>;
  readonly destroy: (...flags: readonly string[]) => Promise<RunResult>;
  /** Takes away the lock of a run that was killed; local/engine does so by itself. */
  readonly cancel: () => Promise<RunResult>;
  /** Any other command of the engine's, such as `stack rename`. */
  readonly command: (...args: readonly string[]) => Promise<RunResult>;
  /** Takes in what exists in Cloudflare, by a document of `pulumi import --file`. */
  readonly importFile: (file: string) => Promise<RunResult>;
  /** Everything that the engine keeps of the stack, as text: with pulumi secrets are encrypted in it. */
  readonly storedText: () => string;
  /** @throws when there are none, or they are not what the contract says. */
  readonly outputs: () => Promise<RevealedOutputs>;
  /** What the sitepass command line is given to work on the stack. */
  readonly forSitepass: {
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  };
}

/** What a stack is run with. */
export interface ProjectStackOptions {
  /** A copy of the project, made by copyProject. */
  readonly directory: string;
  /** A folder of the stack's own, for its state: only the owner may read it. */
  readonly home: string;
  readonly stackName: string;
  readonly baseUrl: string;
  readonly apiToken: string;
  /** Shown as it comes, beside being returned; nothing by default. */
  readonly onText?: (text: string) => void;
  readonly abort?: AbortSignal;
  /** Told the ID of each process that is started. */
  readonly onStart?: (pid: number) => void;
}

/**
 * A stack that local/engine runs: in a process of its own, as the Pulumi CLI would be, where that is watched or stopped or its
 * program was changed since it ran, and else in one that others have run in.
 */
export function engineStack(options: ProjectStackOptions): ProjectStack {
  const statePath = join(options.home, `${options.stackName}.json`);
  const environment = {
    CLOUDFLARE_BASE_URL: options.baseUrl,
    CLOUDFLARE_API_TOKEN: options.apiToken,
  };
  const stackArgs = ["--cwd", options.directory, "--stack", options.stackName, "--state", statePath];
  const { onText, abort, onStart } = options;
  const isWatched = isWatchedRun(options);
  const run = (args: readonly string[]): Promise<RunResult> => {
    // As for the Pulumi CLI: what is printed is read by programs, and CI systems would have it coloured.
    const variables = { ...environment, NO_COLOR: "1" };
    return isWatched || isOutdated(options.directory)
      ? runProcess(
          process.execPath,
          [join(root, "local", "engine", "start.cjs"), ...args, ...stackArgs],
          // tsx is resolved from here.
          { cwd: root, environment: variables, onText, abort, onStart },
        )
      : runInWaitingEngine([...args, ...stackArgs], variables);
  };
  return {
    init: () => Promise.resolve(),
    up: (...flags) => run(["up", "--suppress-outputs", ...flags]),
    preview: (...flags) => run(["preview", ...flags]),
    refresh: () => run(["refresh"]),
    destroy: (...flags) => run(["destroy", ...flags]),
    cancel: () => Promise.resolve({ exitCode: 0, text: "" }),
    command: (...args) => run(args),
    importFile: (file) => run(["import", "--file", file]),
    storedText: () => (existsSync(statePath) ? readFileSync(statePath, "utf8") : ""),
    outputs: () => stateFileReader(statePath).outputs(options.directory, options.stackName),
    forSitepass: { args: stackArgs, environment },
  };
}

/** Copies of the project whose program was run while it was linked. */
const ranLinked = new Set<string>();

/**
 * Whether a process that has run the program of a copy would run it again, although it is another now: where a link led once, Node
 * remembers, also when it is no link any more.
 */
function isOutdated(directory: string): boolean {
  if (lstatSync(join(directory, "provision")).isSymbolicLink()) {
    ranLinked.add(directory);
    return false;
  }
  return ranLinked.has(directory);
}

/** Whether a run is shown, stopped or killed, and so has to have processes of its own alone. */
const isWatchedRun = ({ onText, abort, onStart }: ProjectStackOptions): boolean =>
  onText !== undefined || abort !== undefined || onStart !== undefined;

/** A stack that the real `pulumi` runs, with its state in a folder instead of a service. */
export function pulumiStack(pulumi: PulumiInstallation, options: ProjectStackOptions): ProjectStack {
  const backend = join(options.home, "backend");
  mkdirSync(backend, { recursive: true, mode: 0o700 });
  const compiled = join(options.home, "compiled");
  const environment = {
    ...pulumi.prepare(join(options.home, "pulumi")),
    ...takeCompiled(compiled),
    CLOUDFLARE_BASE_URL: requireLoopback(options.baseUrl),
    CLOUDFLARE_API_TOKEN: options.apiToken,
    PULUMI_BACKEND_URL: pathToFileURL(backend).href,
    // The account that the secrets in its state belong to exists on this machine alone.
    PULUMI_CONFIG_PASSPHRASE: "stand-in",
  };
  const attached = pulumi.provider === "local" && !isWatchedRun(options);
  let port: Promise<number> | undefined;
  const run = async (args: readonly string[], quiet = false): Promise<ProcessResult> =>
    runProcess("pulumi", [...args, "--non-interactive", "--color", "never"], {
      cwd: options.directory,
      environment: attached
        ? // Instead of starting one of its own, the CLI talks to this provider.
          {
            ...environment,
            PULUMI_DEBUG_PROVIDERS: `cloudflare:${await (port ??= providerPort(environment))}`,
          }
        : environment,
      onText: quiet ? undefined : options.onText,
      abort: options.abort,
      onStart: options.onStart,
    });
  const stateFile = join(backend, ".pulumi", "stacks", "sitepass", `${options.stackName}.json`);
  let created: Promise<ProcessResult> | undefined;
  // Not `init`, which fails for a stack that another run of the same folder has made; nor at all where the stack is there.
  const create = () =>
    (created ??= existsSync(stateFile)
      ? Promise.resolve({ exitCode: 0, text: "", stdout: "", stderr: "" })
      : run(["stack", "select", "--create", options.stackName], true));
  const inStack = async (args: readonly string[], quiet = false): Promise<ProcessResult> => {
    const result = await create();
    return result.exitCode === 0 ? run([...args, "--stack", options.stackName], quiet) : result;
  };
  const runProgram = async (...args: readonly string[]): Promise<ProcessResult> => {
    const result = await inStack(args);
    if (result.exitCode === 0) {
      keepCompiled(compiled);
    }
    return result;
  };
  return {
    init: async () => {
      await create();
    },
    up: (...flags) => runProgram("up", "--yes", "--skip-preview", "--suppress-outputs", ...flags),
    preview: (...flags) => runProgram("preview", "--suppress-outputs", ...flags),
    refresh: (...flags) => inStack(["refresh", "--yes", "--skip-preview", "--suppress-outputs", ...flags]),
    destroy: (...flags) => inStack(["destroy", "--yes", "--skip-preview", "--suppress-outputs", ...flags]),
    cancel: () => inStack(["cancel", "--yes"]),
    command: (...args) => inStack(args),
    importFile: (file) =>
      inStack(["import", "--file", file, "--yes", "--skip-preview", "--generate-code=false"]),
    storedText: () => textBelow(backend),
    outputs: async () =>
      parseOutputs(
        JSON.parse((await inStack(["stack", "output", "--json", "--show-secrets"], true)).stdout),
        options.stackName,
      ),
    forSitepass: { args: ["--cwd", options.directory, "--stack", options.stackName], environment },
  };
}

function textBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}

/** What `pulumi up` needs of the project beside its program and packages. */
const parts = [
  "Pulumi.yaml",
  "Pulumi.prod.yaml",
  "package.json",
  "tsconfig.json",
  "tsconfig.pulumi.json",
  // Knows by its own place where the sites are.
  "index.ts",
  "sites",
];

/**
 * Copies the project into a folder, so that a run leaves the original as it is: the Pulumi CLI writes into the stack's
 * file, and tests change sites.
 *
 * What index.ts is made of is linked, as the packages are: copies would be compiled anew for each folder, which takes half
 * of a short run. So nothing may be written below `cloudflare/`, `fleet/` and `provision/` of the copy; a test that changes the
 * program does so by Scenario.changeProgram.
 */
export function copyProject(directory: string): void {
  for (const part of parts) {
    cpSync(join(root, part), join(directory, part), { recursive: true });
  }
  useOriginalTsconfig(directory);
  for (const part of ["cloudflare", "fleet", "provision", "node_modules"]) {
    if (existsSync(join(root, part))) {
      symlinkSync(join(root, part), join(directory, part));
    }
  }
}
