import { NotFoundError, type Cloudflare } from "cloudflare";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { UserError } from "../../fleet/problem";
import { takeLock } from "../../handover/lock";
import type { ResourceState } from "../../stack/state-file-reader";
import { readStackConfig, type StackConfig } from "../../stack/stack-config";
import { Deployment, type Step } from "./deployment";
import { importResources, readImportDocument } from "./import-resources";
import type { Properties } from "./properties";
import { connectMonitor, ResourceHooks } from "./monitor";
import { kindOf, openStandIn, runInvoke } from "./provider";
import { SavedState, shortName, UrnScheme, type StackState } from "./state";
import * as pulumi from "@pulumi/pulumi";

export type Command = "up" | "preview" | "destroy" | "refresh" | "import";

export interface EngineOptions {
  readonly command: Command;
  /** The project's folder: Pulumi.yaml, the stack's file, index.ts, sites/. */
  readonly directory: string;
  readonly stack: string;
  readonly statePath: string;
  /** With `up`: `refresh` comes before it. */
  readonly refreshFirst?: boolean;
  /** What `import` reads. */
  readonly importFile?: string | undefined;
  /** Configuration instead of the stack's file: full keys, values as in Pulumi's environment. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onStep: (step: Step) => void;
  readonly abort: AbortSignal;
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
  const { command, stack, statePath, onStep } = options;
  const configuration = readStackConfig(options.directory, stack, options.overrides);
  const { project, values, encrypted } = configuration;
  if (encrypted.length > 0) {
    throw new UserError(
      encrypted.map((key) => ({
        subject: `Pulumi.${stack}.yaml`,
        says: `${key} is encrypted, which only the Pulumi CLI can read`,
        todo: "Leave it out here",
      })),
    );
  }
  const client = openStandIn(values, options.environment);
  const unlock = command === "preview" ? () => undefined : lockState(statePath);
  try {
    const saved = new SavedState(statePath);
    switch (command) {
      case "refresh": {
        const state = await refreshed(client, saved.opened);
        await saved.save(state);
        return { failures: [], state };
      }
      case "import": {
        const urns = new UrnScheme(project, stack);
        const entries = readImportDocument(options.importFile ?? "", urns);
        const outcome = await importResources(client, saved.opened, entries, urns.stack, onStep);
        await saved.save(outcome.state);
        return outcome;
      }
      default:
        if (options.refreshFirst === true) {
          await saved.save(await refreshed(client, saved.opened));
        }
        return await deploy(options, configuration, client, new SavedState(statePath));
    }
  } finally {
    unlock();
  }
}

/** Brings the stack to what the program declares, or with `destroy` to nothing. */
async function deploy(
  { command, directory, stack, onStep, abort }: EngineOptions,
  { project, values }: StackConfig,
  client: Cloudflare,
  saved: SavedState,
): Promise<EngineResult> {
  const preview = command === "preview";
  let newest = saved.opened;
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const hooks = new ResourceHooks(preview);
  const deployment = new Deployment({
    client,
    before: saved.opened,
    preview,
    save: (state) => {
      newest = state;
      return saved.save(state);
    },
    onStep,
    onFailure: stop,
    runHooks: (names, call) => hooks.run(names, call),
    abort,
  });
  let programFailure: string | undefined;
  if (command === "destroy") {
    const hooked = saved.opened.resources.filter(({ beforeDelete }) => beforeDelete.length > 0);
    if (hooked.length > 0) {
      return { failures: hooked.map(hookedFailure), state: newest };
    }
    deployment.setOutputs({});
    await deployment.finish();
  } else {
    pulumi.runtime.setAllConfig({ ...values });
    const invoke = (token: string, args: Parameters<typeof runInvoke>[2]) =>
      token === "pulumi:pulumi:readStackResourceOutputs"
        ? Promise.resolve(resourceOutputs(saved.opened))
        : runInvoke(client, token, args);
    await connectMonitor({ project, stack, preview, deployment, hooks, invoke });
    programFailure = await runProgram(directory, stopped);
    if (programFailure !== undefined) {
      deployment.close();
    }
  }
  await deployment.idle();
  hooks.close();
  // A failed deployment makes the program fail too, with less to say.
  const failures =
    deployment.failures.length === 0 && programFailure !== undefined ? [programFailure] : deployment.failures;
  return { failures, state: newest };
}

/** What the program may ask of the stack's own state (pulumi/pulumi, pkg/backend/backend.go, GetStackResourceOutputs). */
const resourceOutputs = ({ resources }: StackState): Properties => ({
  outputs: Object.fromEntries(resources.map(({ urn, type, outputs }) => [urn, { type, outputs }])),
});

/** The engine's own refusal of a destroy that cannot ask the program (pulumi/pulumi, pkg/engine/destroy.go). */
const hookedFailure = (resource: ResourceState): string =>
  `${shortName(resource)}: Resource has delete hooks registered, but the program is not running. Hooks: ${resource.beforeDelete.join(", ")}`;

/** Keeps two runs from changing one state at the same time. */
function lockState(statePath: string): () => void {
  mkdirSync(dirname(statePath), { recursive: true, mode: 0o700 });
  return takeLock(`${statePath}.lock`, "is changing this stack");
}

/** Looks at every resource again, as `pulumi refresh` does: what Cloudflare no longer has leaves the state. */
async function refreshed(client: Cloudflare, before: StackState): Promise<StackState> {
  const resources = await Promise.all(
    before.resources.map(async (resource) => {
      if (!resource.custom) {
        return resource;
      }
      try {
        const { id, inputs, outputs } = resource;
        return { ...resource, ...(await kindOf(resource.type).read(client, id, inputs, outputs)) };
      } catch (error) {
        if (error instanceof NotFoundError) {
          return undefined;
        }
        throw error;
      }
    }),
  );
  return { ...before, resources: resources.filter((resource) => resource !== undefined) };
}

const requireHere = createRequire(__filename);

/**
 * Runs `index.ts` in this process as Pulumi's language host does: as a stack, awaiting what it exports, until all
 * resources are registered (@pulumi/pulumi 3.248.0, cmd/run/run.ts).
 *
 * @param stopped resolves when the deployment has failed: what the program waits for then never comes.
 * @returns why it failed, with a stack trace unless a person can fix the cause; undefined when it ended well or was
 * stopped.
 */
async function runProgram(directory: string, stopped: Promise<void>): Promise<string | undefined> {
  const unhandled = new Promise<never>((_resolve, reject) => {
    process.on("uncaughtException", reject);
    process.on("unhandledRejection", reject);
  });
  const running = pulumi.runtime
    .runInPulumiStack(async () => {
      const program: unknown = requireHere(join(directory, "index.ts"));
      const outputs: unknown =
        typeof program === "function" ? await Reflect.apply(program, undefined, []) : program;
      return outputs;
    })
    // Outputs may be known before every resource is registered; and what is deleted at the end may have hooks.
    .then(() => pulumi.runtime.disconnect(true));
  // Its rejection is seen below, or has been overtaken by the deployment's own failure.
  running.catch(() => undefined);
  try {
    await Promise.race([running, unhandled, stopped]);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) {
      return String(error);
    }
    const { message, stack } = error;
    // The program gives up stack traces, which are empty then.
    return pulumi.RunError.isInstance(error) || stack === "" ? message : (stack ?? message);
  }
}
