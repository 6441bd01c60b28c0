import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import pc from "picocolors";
import { UserError } from "../../provision/user-error";
import { startStandIn, type StandIn } from "../api/stand-in";
import { standInAccount } from "../stand-in-account";
import { engineStack } from "../stack/engine-stack";
import { copyProject } from "../stack/project-copy";
import { findPulumi, pulumiStack } from "../stack/pulumi-stack";
import type { RunResult, Stack } from "../stack/stack";
import { siteTable } from "./site-table";

const root = join(__dirname, "..", "..");
const stackName = "prod";

/** The demo found something that is not as the README says; the reason is for people. */
class DemoFailed extends Error {}

/** Provisions the shipped sites against a stand-in, in a folder of its own that is gone afterwards. */
async function demo(home: string, signal: AbortSignal): Promise<void> {
  const account = standInAccount(root, stackName);
  const standIn = await startStandIn(account);
  try {
    heading("A stand-in for Cloudflare's API");
    console.log(`listens on ${standIn.baseUrl}, on this machine only; nothing leaves it.`);
    const stack = openStack(home, standIn, signal);

    heading("First up: make what index.ts declares for the files in sites/");
    requireSuccess(await stack.up(), signal);
    const made = writesIn(standIn);
    const outputs = await stack.outputs();
    console.log(`\n${siteTable(outputs)}`);
    for (const [signal, url] of Object.entries(outputs.endpoints)) {
      console.log(`${signal} are pushed to ${url}`);
    }
    console.log(`${made} calls changed something at the stand-in.`);

    heading("Second up: nothing has changed, so nothing changes");
    standIn.clearRequests();
    requireSuccess(await stack.up(), signal);
    const again = writesIn(standIn);
    if (again > 0) {
      throw new DemoFailed(`The second up made ${again} changing calls, where none was expected.`);
    }
    console.log("No call changed anything.");

    heading("Go on");
    console.log(`cp sites/tokyo.yaml sites/osaka.yaml && npm run demo   ${pc.dim("add a site: a file is all it takes")}
npm run standin                                        ${pc.dim("keep a stand-in running, and try `npm run engine -- up` on it")}
pulumi up                                              ${pc.dim("on your account; the README says what it needs")}`);
  } finally {
    await standIn.close();
  }
}

function openStack(home: string, standIn: StandIn, signal: AbortSignal): Stack {
  const directory = join(home, "project");
  mkdirSync(directory, { mode: 0o700 });
  copyProject(directory);
  const options = {
    directory,
    home,
    stackName,
    baseUrl: standIn.baseUrl,
    apiToken: standIn.apiToken,
    passphrase: randomBytes(24).toString("base64url"),
    onText: (text: string) => process.stdout.write(text),
    signal,
  };
  const pulumi = findPulumi();
  console.log(
    pulumi.available
      ? `Engine: pulumi, because ${pulumi.reason}.`
      : `Engine: local/engine, because ${pulumi.reason}. It runs the same index.ts.`,
  );
  return pulumi.available ? pulumiStack(options) : engineStack(options);
}

const writesIn = (standIn: StandIn): number =>
  standIn.requests.filter(({ method }) => method !== "GET").length;

function requireSuccess({ exitCode }: RunResult, signal: AbortSignal): void {
  if (signal.aborted) {
    throw new DemoFailed("Stopped.");
  }
  if (exitCode !== 0) {
    throw new DemoFailed("The engine failed; what it said stands above.");
  }
}

function heading(text: string): void {
  console.log(`\n${pc.bold(text)}`);
}

async function main(): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-demo-"));
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      stopping.abort();
    });
  }
  // Whoever reads may stop reading, as in `npm run demo | head`.
  process.stdout.on("error", () => {
    stopping.abort();
  });
  process.on("exit", () => {
    rmSync(home, { recursive: true, force: true });
  });
  try {
    await demo(home, stopping.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof DemoFailed || error instanceof UserError)) {
      throw error;
    }
    console.error(`${pc.red("error:")} ${error.message}`);
    return stopping.signal.aborted ? 130 : 1;
  }
}

void main().then((code) => {
  process.exitCode = code;
});
