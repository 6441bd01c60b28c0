import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import cloudflareManifest from "@pulumi/cloudflare/package.json";
import semver from "semver";
import { z } from "zod";
import { programOnPath } from "../../stack/pulumi-cli";
import { findProgram, goModules } from "../programs/programs";

/** The real engine as it can be used on this machine. */
export interface PulumiInstallation {
  /** What was found, as the end of a sentence with "because". */
  readonly reason: string;
  /** Whether the provider is Pulumi's own, bridged from Terraform's, or the one of local/provider. */
  readonly provider: "bridged" | "local";
  /** Whether the provider sends a token's `enabled` at all; older ones leave it out in silence. */
  readonly sendsEnabled: boolean;
  /**
   * Makes what the CLI takes for its own folder, with the provider in it, so that none is downloaded and the user's folder
   * stays as it is.
   *
   * @returns the environment variables with which `pulumi` is the CLI.
   */
  readonly prepare: (directory: string) => Readonly<Record<string, string>>;
}

export type FoundPulumi =
  | { readonly available: true; readonly pulumi: PulumiInstallation }
  | { readonly available: false; readonly reason: string };

/**
 * Looks for the real engine, and downloads nothing: the CLI on PATH, else the one that `npm run programs` builds; Pulumi's
 * bridged provider where it is installed, else the one of local/provider.
 */
export function findPulumi(): FoundPulumi {
  const installed = programOnPath("pulumi");
  const cli = installed ?? findProgram("pulumi", "pulumi");
  if (cli === undefined) {
    return {
      available: false,
      reason: "the pulumi CLI is neither on PATH nor built (`npm run programs -- pulumi` builds it)",
    };
  }
  const version = installed === undefined ? goModules.pulumi.version : outputOf(cli, ["version"]);
  const bridged = findBridgedProvider(cli);
  return {
    available: true,
    pulumi: {
      reason: `pulumi ${version}${
        bridged === undefined
          ? " is there, and a provider of this project's own talks to the stand-in"
          : ` and its cloudflare plugin ${bridged.version} are installed`
      }`,
      provider: bridged === undefined ? "local" : "bridged",
      // `enabled` came with @pulumi/cloudflare 6.22.0.
      sendsEnabled: bridged === undefined || semver.gte(bridged.version, "6.22.0"),
      prepare: (directory) => {
        // Under the version that the SDK asks for, whatever it is: an older one would be passed over.
        installPlugin(
          directory,
          `resource-cloudflare-v${cloudflareManifest.version}`,
          providerProgram,
          bridged === undefined ? localProvider : [bridged.path],
        );
        return {
          PULUMI_HOME: directory,
          PATH: `${dirname(cli)}${delimiter}${process.env.PATH ?? ""}`,
          PULUMI_SKIP_UPDATE_CHECK: "true",
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        };
      },
    },
  };
}

const providerProgram = "pulumi-resource-cloudflare";
const localProvider = [process.execPath, join(__dirname, "..", "provider", "start.cjs")];

const pluginsSchema = z.array(
  z.looseObject({ name: z.string(), kind: z.string(), version: z.string().optional() }),
);

/** Pulumi's own provider: on PATH, or the newest in the CLI's folder. */
function findBridgedProvider(cli: string): { readonly path: string; readonly version: string } | undefined {
  const onPath = programOnPath(providerProgram);
  if (onPath !== undefined) {
    // What does not say its version is taken for an old one.
    return { path: onPath, version: semver.valid(outputOf(onPath, ["--version"])) ?? "6.0.0" };
  }
  const home = process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  if (!existsSync(join(home, "plugins"))) {
    return undefined;
  }
  const plugins = pluginsSchema.parse(JSON.parse(outputOf(cli, ["plugin", "ls", "--json"])));
  const [version] = semver.rsort(
    plugins
      .filter(({ name, kind }) => name === "cloudflare" && kind === "resource")
      .flatMap((plugin) => plugin.version ?? []),
  );
  return version === undefined
    ? undefined
    : { path: join(home, "plugins", `resource-cloudflare-v${version}`, providerProgram), version };
}

/** Makes a plugin that runs a command. */
function installPlugin(home: string, name: string, program: string, command: readonly string[]): void {
  const folder = join(home, "plugins", name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const path = join(folder, program);
  const text = `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`;
  // Not once more for another stack of the same folder: a run that starts it meanwhile would find half of it.
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    writeFileSync(path, text, { mode: 0o700 });
  }
}

function outputOf(program: string, args: readonly string[]): string {
  const { stdout } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeout: 30_000,
  });
  return stdout.trim();
}
