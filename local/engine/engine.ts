import { runtime } from "@pulumi/pulumi";
import { Cloudflare } from "cloudflare";
import { findApiCredentials, missingTokenProblem } from "../../cloudflare/api-credentials";
import { UserError } from "../../fleet/problem";
import { Deployment, type Step } from "./deployment";
import { readImportDocument } from "./import-document";
import { importResources } from "./import-resources";
import { runInvoke } from "./invokes";
import { requireLoopback } from "./loopback";
import { connectMonitor } from "./monitor";
import { refreshed } from "./refresh";
import { runProgram } from "./run-program";
import { readStackConfig } from "../../stack/stack-config";
import { StateFile } from "./state-file";
import { lockState } from "./state-lock";
import type { StackState } from "./state";
import { UrnScheme } from "./urns";

export type Command = "up" | "preview" | "destroy" | "refresh" | "import";

export interface EngineOptions {
  readonly command: Command;
  /** The project's folder: Pulumi.yaml, the stack's file, index.ts, sites/. */
  readonly directory: string;
  readonly stack: string;
  readonly statePath: string;
  /** What `import` reads. */
  readonly importFile?: string | undefined;
  readonly passphrase: string;
  /** Configuration instead of the stack's file: full keys, values as in Pulumi's environment. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onStep: (step: Step) => void;
  readonly signal: AbortSignal;
}

export interface EngineResult {
  /** Empty when all went well; one message a line otherwise. */
  readonly failures: readonly string[];
  readonly state: StackState;
}

/**
 * Runs one command against the stand-in. Once in a process: the SDK's settings are the process's own.
 *
 * @throws UserError for what is wrong before the program is even started.
 */
export async function runEngine(options: EngineOptions): Promise<EngineResult> {
  const { project, values, encrypted } = readStackConfig(options.directory, options.stack, options.overrides);
  if (encrypted.length > 0) {
    throw new UserError(
      encrypted.map(
        (key) =>
          `Pulumi.${options.stack}.yaml: ${key} is encrypted, which only the Pulumi CLI can read. Leave it out here.`,
      ),
    );
  }
  const access = findApiCredentials(values, options.environment);
  const baseURL = requireLoopback(values["cloudflare:baseUrl"] ?? options.environment.CLOUDFLARE_BASE_URL);
  if (access === undefined) {
    throw new UserError([missingTokenProblem]);
  }
  const client = new Cloudflare({ apiToken: access.apiToken, baseURL });
  const unlock = options.command === "preview" ? () => undefined : lockState(options.statePath);
  try {
    const file = new StateFile(options.statePath, options.passphrase);
    if (options.command === "refresh") {
      const state = await refreshed(client, file.state);
      await file.save(state);
      return { failures: [], state };
    }
    if (options.command === "import") {
      const urns = new UrnScheme(project, options.stack);
      const entries = readImportDocument(options.importFile ?? "", urns);
      const outcome = await importResources(client, file.state, entries, urns.stack, options.onStep);
      await file.save(outcome.state);
      return outcome;
    }
    let newest = file.state;
    let stop: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const deployment = new Deployment({
      client,
      before: file.state,
      preview: options.command === "preview",
      save: (state) => {
        newest = state;
        return file.save(state);
      },
      onStep: options.onStep,
      onFailure: stop,
      signal: options.signal,
    });
    if (options.command === "destroy") {
      deployment.setOutputs({});
    }
    const programFailure =
      options.command === "destroy"
        ? undefined
        : await declare(options, { project, values, client, deployment, stopped });
    if (programFailure === undefined) {
      await deployment.finish();
    }
    await deployment.idle();
    // A failed deployment makes the program fail too, with less to say.
    const failures =
      deployment.failures.length === 0 && programFailure !== undefined
        ? [programFailure]
        : deployment.failures;
    return { failures, state: newest };
  } finally {
    unlock();
  }
}

/** Runs the program, with the deployment behind the SDK. */
async function declare(
  { command, directory, stack }: EngineOptions,
  run: {
    readonly project: string;
    readonly values: Readonly<Record<string, string>>;
    readonly client: Cloudflare;
    readonly deployment: Deployment;
    readonly stopped: Promise<void>;
  },
): Promise<string | undefined> {
  const { project, values, client, deployment, stopped } = run;
  runtime.setAllConfig({ ...values });
  const closeMonitor = await connectMonitor({
    project,
    stack,
    preview: command === "preview",
    deployment,
    invoke: (token, args) => runInvoke(client, token, args),
  });
  try {
    return await runProgram(directory, stopped);
  } finally {
    closeMonitor();
  }
}
