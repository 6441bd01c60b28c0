import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import semver from "semver";

const pulumi = process.platform === "win32" ? "pulumi.exe" : "pulumi";

/**
 * Where the Pulumi CLI is that is not on PATH: where Pulumi's installer puts it (`~/.pulumi/bin`), else the newest of those
 * that `npx pulumi` and the Automation API fetched (`~/.pulumi/versions/<version>/bin`; npm package pulumi 3.265.0,
 * lib/cache.js). So the commands work for those who have `npx pulumi` alone, which puts nothing on PATH.
 *
 * @returns the folder that has it in `bin/`; undefined where it is on PATH, or nowhere.
 */
export function pulumiRootBesidePath(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (programOnPath(pulumi, env) !== undefined) {
    return undefined;
  }
  // Empty is unset, as to Pulumi: it would be the folder that somebody has just entered, and a program in it be run.
  const { PULUMI_HOME = "" } = env;
  const home = PULUMI_HOME === "" ? join(homedir(), ".pulumi") : PULUMI_HOME;
  const versions = join(home, "versions");
  const fetched = foldersIn(versions)
    .filter((name) => semver.valid(name) !== null)
    .sort(semver.rcompare)
    .map((name) => join(versions, name));
  return [home, ...fetched].find((root) => isProgram(join(root, "bin", pulumi)));
}

/** A program's file, where it is on PATH and can be run. */
export function programOnPath(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Nothing was fetched.
    return [];
  }
}
