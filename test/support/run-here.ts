import { AsyncLocalStorage } from "node:async_hooks";
import { Writable } from "node:stream";
import { prepareImports } from "./prepare-imports";

/** How a run of the command line ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Capture {
  stdout: string;
  stderr: string;
}

const captures = new AsyncLocalStorage<Capture>();

/** Only what a command prints is kept from the terminal: the test runner reports on the same streams. */
for (const name of ["stdout", "stderr"] as const) {
  const stream = process[name];
  const write = stream.write.bind(stream);
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const capture = captures.getStore();
    if (capture === undefined) {
      const [encoding, callback] = rest;
      return typeof encoding === "string"
        ? write(chunk, encoding as BufferEncoding, callback as () => void)
        : write(chunk, encoding as () => void);
    }
    capture[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    const done = rest.find((argument): argument is () => void => typeof argument === "function");
    done?.();
    return true;
  };
}

// picocolors looks when it is loaded, which is with the first command.
process.env.NO_COLOR = "1";

/** Runs the command line in this process, one command after the other. */
export function runHere(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const next = last.then(() => runOne(args, environment));
  last = next.catch(() => undefined);
  return next;
}

function captureInto(capture: Capture, name: keyof Capture): Writable {
  return new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      capture[name] += typeof chunk === "string" ? chunk : chunk.toString("utf8");
      done();
    },
  });
}

let last: Promise<unknown> = Promise.resolve();

async function runOne(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const before = { ...process.env };
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) {
      Reflect.deleteProperty(process.env, name);
    } else {
      process.env[name] = value;
    }
  }
  const capture: Capture = { stdout: "", stderr: "" };
  try {
    await prepareImports();
    const { run } = await import("../../cli/command-line.js");
    const exitCode = await captures.run(capture, () =>
      run([process.execPath, "sitepass", ...args], prepareImports, {
        stdout: captureInto(capture, "stdout"),
        stderr: captureInto(capture, "stderr"),
      }),
    );
    return { exitCode, ...capture };
  } finally {
    for (const name of Object.keys(environment)) {
      const value = before[name];
      if (value === undefined) {
        Reflect.deleteProperty(process.env, name);
      } else {
        process.env[name] = value;
      }
    }
  }
}
