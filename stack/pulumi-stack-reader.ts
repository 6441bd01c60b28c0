import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Workspace } from "@pulumi/pulumi/automation";
import { UserError, type Problem } from "../fleet/problem";
import { parseExport } from "./exported-state";
import type { StackReader } from "./open-stack";
import { pulumiRootBesidePath } from "./pulumi-cli";
import { parseOutputs } from "./stack-outputs";
import { parseDeployment } from "./stack-resources";

/**
 * Reads a stack with the Pulumi CLI, by way of Pulumi's Automation API. Every call throws a UserError with what the CLI
 * said when it is absent, not logged in, or has no such stack.
 */
export const pulumiReader: StackReader = {
  outputs: async (directory, stackName) => {
    const found = await inWorkspace(directory, stackName, (workspace) => workspace.stackOutputs(stackName));
    const values = Object.entries(found).map(([key, { value }]: [string, { value: unknown }]) => [
      key,
      value,
    ]);
    return parseOutputs(Object.fromEntries(values), stackName);
  },
  // The properties of resources, secrets among them, are not looked at.
  resources: async (directory, stackName) => {
    const exported: { readonly deployment: unknown } = await inWorkspace(directory, stackName, (workspace) =>
      workspace.exportStack(stackName),
    );
    return parseDeployment(exported.deployment, stackName);
  },
  // Not `workspace.exportStack`, which has all secrets decrypted (@pulumi/pulumi 3.248.0, automation/localWorkspace.ts).
  exportState: async (directory, stackName) => {
    const stdout = await inWorkspace(
      directory,
      stackName,
      runIn(directory, ["stack", "export", "--stack", stackName]),
    );
    const state = parseExport(stdout);
    if (state === undefined) {
      throw new UserError({
        subject: `stack ${stackName}`,
        says: "has no state yet, or one in a form that this version does not know",
        todo: "Bring it up with `pulumi up`, or name another with --stack",
      });
    }
    return { ...state, replaceWith: (document) => importState(directory, stackName, document) };
  },
  secretConfig: async (directory, stackName, key) => {
    const read = (workspace: Workspace) => workspace.getConfig(stackName, key);
    return (await inWorkspace(directory, stackName, read)).value;
  },
};

/** Runs the CLI as it is, where the Automation API does not do what it does; resolves with what it printed. */
const runIn =
  (directory: string, args: readonly string[]) =>
  async ({ pulumiCommand: { command } }: Workspace): Promise<string> => {
    const options = { cwd: directory, maxBuffer: Infinity };
    return (await promisify(execFile)(command, [...args, "--non-interactive"], options)).stdout;
  };

/** By way of a file, as the CLI asks for, which is its owner's alone and deleted at once: secrets are encrypted in it. */
async function importState(directory: string, stackName: string, document: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-state-"));
  try {
    const file = join(folder, "state.json");
    writeFileSync(file, document, { mode: 0o600 });
    const args = ["stack", "import", "--stack", stackName, "--file", file];
    await inWorkspace(directory, stackName, runIn(directory, args), (said) => ({
      subject: `stack ${stackName}`,
      says: `pulumi did not take its state in (${said}), and it is as it was`,
      todo: "Do what pulumi says, and run this again",
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Not `LocalWorkspace.selectStack`, which would change the stack that the person has selected in their folder
 * (@pulumi/pulumi 3.248.0, automation/localWorkspace.ts).
 */
async function inWorkspace<T>(
  directory: string,
  stackName: string,
  ask: (workspace: Workspace) => Promise<T>,
  refused: (said: string) => Problem = (said) => unreadable(stackName, said),
): Promise<T> {
  // Loaded late: it takes more than half a second.
  const { LocalWorkspace, PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
  try {
    const root = pulumiRootBesidePath();
    const pulumiCommand = await PulumiCommand.get(root === undefined ? {} : { root });
    return await ask(await LocalWorkspace.create({ workDir: directory, pulumiCommand }));
  } catch (error) {
    throw new UserError(describe(error, refused));
  }
}

function describe(error: unknown, refused: (said: string) => Problem): Problem {
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes("ENOENT")) {
    return {
      subject: "pulumi",
      says: "is neither on PATH nor in ~/.pulumi, and the stack's outputs are read with it",
      todo: "Install the Pulumi CLI, or fetch it with `npx pulumi version`; or name a state file of local/engine with --state",
    };
  }
  // The Automation API puts exit code and both streams, each on lines of its own, into one message.
  const said = /(?:stderr:\s*)?error: (.*)/i.exec(text)?.[1] ?? text.split("\n", 1)[0] ?? "";
  return refused(said.trim().replace(/\.$/, ""));
}

const unreadable = (stackName: string, said: string): Problem => ({
  subject: `stack ${stackName}`,
  says: `pulumi could not read it (${said})`,
  todo: `Log in with \`pulumi login\`, make the stack with \`pulumi stack init ${stackName}\`, or name another with --stack`,
});
