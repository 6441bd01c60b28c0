import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Workspace } from "@pulumi/pulumi/automation";
import { UserError, type Problem } from "../fleet/problem";
import { parseExport } from "./exported-state";
import type { StackReader } from "./open-stack";
import { stackNameIn } from "./project-stacks";
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
    const { stdout } = await inWorkspace(directory, stackName, ({ pulumiCommand: { command } }) =>
      promisify(execFile)(command, ["stack", "export", "--stack", stackName, "--non-interactive"], {
        cwd: directory,
        maxBuffer: Infinity,
      }),
    );
    const state = parseExport(stdout, stackNameIn(stackName));
    if (state === undefined) {
      throw new UserError({
        subject: `stack ${stackName}`,
        says: "has no state yet, or `pulumi stack export` printed something else",
        todo: "Bring it up with `pulumi up`, or name another with --stack",
      });
    }
    return state;
  },
  secretConfig: async (directory, stackName, key) => {
    const read = (workspace: Workspace) => workspace.getConfig(stackName, key);
    return (await inWorkspace(directory, stackName, read)).value;
  },
};

/**
 * Not `LocalWorkspace.selectStack`, which would change the stack that the person has selected in their folder
 * (@pulumi/pulumi 3.248.0, automation/localWorkspace.ts).
 */
async function inWorkspace<T>(
  directory: string,
  stackName: string,
  ask: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  // Loaded late: it takes more than half a second.
  const { LocalWorkspace, PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
  try {
    const root = pulumiRootBesidePath();
    const pulumiCommand = await PulumiCommand.get(root === undefined ? {} : { root });
    return await ask(await LocalWorkspace.create({ workDir: directory, pulumiCommand }));
  } catch (error) {
    throw new UserError(describe(error, stackName));
  }
}

function describe(error: unknown, stackName: string): Problem {
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
  return {
    subject: `stack ${stackName}`,
    says: `pulumi could not read it (${said.trim().replace(/\.$/, "")})`,
    todo: `Log in with \`pulumi login\`, make the stack with \`pulumi stack init ${stackName}\`, or name another with --stack`,
  };
}
