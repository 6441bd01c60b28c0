import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { parseOutputs } from "../../stack/stack-outputs";
import { runProcess, type ProcessResult } from "./run-process";
import type { Stack, StackOptions } from "./stack";

/** Whether the real engine can be used here, and the reason in a sentence. */
export type PulumiAvailability =
  | {
      readonly available: true;
      readonly reason: string;
      /** Whether the plugin sends a token's `enabled` at all; older ones leave it out in silence. */
      readonly sendsEnabled: boolean;
    }
  | { readonly available: false; readonly reason: string };

const pluginsSchema = z.array(
  z.looseObject({ name: z.string(), kind: z.string(), version: z.string().optional() }),
);

/** Looks for the `pulumi` CLI and its Cloudflare plugin; without the plugin, the CLI would try to download it. */
export function findPulumi(): PulumiAvailability {
  const run = (...args: string[]) =>
    spawnSync("pulumi", args, {
      encoding: "utf8",
      env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeout: 30_000,
    });
  const version = run("version");
  if (version.status !== 0) {
    return { available: false, reason: "the pulumi CLI is not on PATH" };
  }
  const plugins = pluginsSchema.safeParse(parsedOrNothing(run("plugin", "ls", "--json").stdout));
  const versions = (plugins.data ?? [])
    .filter(({ name, kind }) => name === "cloudflare" && kind === "resource")
    .flatMap((plugin) => plugin.version ?? []);
  return versions.length === 0
    ? { available: false, reason: "the pulumi CLI is on PATH, but its cloudflare plugin is not installed" }
    : {
        available: true,
        reason: `pulumi ${version.stdout.trim()} and its cloudflare plugin ${versions.join(", ")} are installed`,
        sendsEnabled: versions.some(knowsEnabled),
      };
}

/** `enabled` came with @pulumi/cloudflare 6.22.0. */
function knowsEnabled(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 22);
}

/** A stack that the real `pulumi` runs, with its state in a folder instead of a service. */
export function pulumiStack(options: StackOptions): Stack {
  const backend = join(options.home, "backend");
  mkdirSync(backend, { recursive: true, mode: 0o700 });
  const environment = {
    CLOUDFLARE_BASE_URL: options.baseUrl,
    CLOUDFLARE_API_TOKEN: options.apiToken,
    PULUMI_BACKEND_URL: pathToFileURL(backend).href,
    PULUMI_CONFIG_PASSPHRASE: options.passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const run = (args: readonly string[], quiet = false): Promise<ProcessResult> =>
    runProcess("pulumi", [...args, "--non-interactive", "--color", "never"], {
      cwd: options.directory,
      environment,
      onText: quiet ? undefined : options.onText,
      signal: options.signal,
    });
  let created: Promise<ProcessResult> | undefined;
  const inStack = async (args: readonly string[], quiet = false): Promise<ProcessResult> => {
    // Not `init`, which fails for a stack that another run of the same folder has made.
    created ??= run(["stack", "select", "--create", options.stackName], true);
    const result = await created;
    return result.exitCode === 0 ? run([...args, "--stack", options.stackName], quiet) : result;
  };
  return {
    up: () => inStack(["up", "--yes", "--skip-preview", "--suppress-outputs"]),
    preview: () => inStack(["preview", "--suppress-outputs"]),
    refresh: () => inStack(["refresh", "--yes", "--skip-preview", "--suppress-outputs"]),
    destroy: () => inStack(["destroy", "--yes", "--skip-preview", "--suppress-outputs"]),
    importFile: (file) =>
      inStack(["import", "--file", file, "--yes", "--skip-preview", "--generate-code=false"]),
    storedText: () => textBelow(backend),
    outputs: async () =>
      parseOutputs(
        JSON.parse((await inStack(["stack", "output", "--json", "--show-secrets"], true)).stdout),
        options.stackName,
      ),
    place: { args: ["--cwd", options.directory, "--stack", options.stackName], environment },
  };
}

function textBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}

function parsedOrNothing(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
