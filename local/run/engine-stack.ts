import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readStateOutputs } from "../engine/state-outputs";
import { runProcess, type ProcessResult } from "./run-process";
import type { Stack, StackOptions } from "./stack";

const root = join(__dirname, "..", "..");

/** A stack that local/engine runs, each command in a process of its own as the Pulumi CLI would be. */
export function engineStack(options: StackOptions): Stack {
  const statePath = join(options.home, `${options.stackName}.json`);
  const environment = {
    CLOUDFLARE_BASE_URL: options.baseUrl,
    CLOUDFLARE_API_TOKEN: options.apiToken,
    PULUMI_CONFIG_PASSPHRASE: options.passphrase,
  };
  const place = ["--cwd", options.directory, "--stack", options.stackName, "--state", statePath];
  const run = (args: readonly string[]): Promise<ProcessResult> =>
    runProcess(process.execPath, [join(root, "local", "engine", "start.cjs"), ...args, ...place], {
      // tsx is resolved from here.
      cwd: root,
      environment: {
        ...environment,
        // As for the Pulumi CLI: what is printed is read by programs, and CI systems would have it coloured.
        NO_COLOR: "1",
      },
      onText: options.onText,
      signal: options.signal,
    });
  return {
    up: () => run(["up", "--suppress-outputs"]),
    preview: () => run(["preview"]),
    refresh: () => run(["refresh"]),
    destroy: () => run(["destroy"]),
    importFile: (file) => run(["import", "--file", file]),
    storedText: () => (existsSync(statePath) ? readFileSync(statePath, "utf8") : ""),
    outputs: () =>
      new Promise((resolve) => {
        resolve(readStateOutputs(statePath, options.stackName, options.passphrase));
      }),
    place: { args: place, environment },
  };
}
