import { captureStreams, type Captured } from "./captured-terminal";
import { prepareImports } from "./prepare-imports";

/** How a run of the command line ended. */
export interface CommandResult extends Readonly<Captured> {
  readonly exitCode: number;
}

/** Runs the command line in this process, one command after the other, because all share the environment. */
export function runHere(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const next = last.then(() => runOne(args, environment));
  last = next.catch(() => undefined);
  return next;
}

let last: Promise<unknown> = Promise.resolve();

async function runOne(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const before = { ...process.env };
  setVariables(environment);
  try {
    await prepareImports();
    const { run } = await import("../../cli/command-line.js");
    const { streams, captured } = captureStreams();
    const exitCode = await run([process.execPath, "sitepass", ...args], prepareImports, streams);
    return { exitCode, ...captured };
  } finally {
    setVariables(Object.fromEntries(Object.keys(environment).map((name) => [name, before[name]])));
  }
}

/** Undefined takes a variable away. */
function setVariables(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) {
      Reflect.deleteProperty(process.env, name);
    } else {
      process.env[name] = value;
    }
  }
}
