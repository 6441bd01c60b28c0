import { orThrow } from "../../fleet/problem";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { readSiteFiles } from "../../fleet/site-files";
import { startStandIn, type StandIn } from "cloudflare-standin";
import { standInAccount } from "../run/stand-in-account";
import { engineStack } from "../run/engine-stack";
import { copyProject } from "../run/project-copy";
import { findPulumi, pulumiStack } from "../run/pulumi-stack";
import type { RunResult, Stack } from "../run/stack";
import { pushShipped, tryLater, tryNow, type Attempt } from "./attempts";
import { openDataPath, openOrigins, type DataPath } from "./data-path";
import { changeGuests, inviteGuests, shortLife } from "./guests";
import { arrivalTable, attemptTable, siteTable } from "./tables";

const root = join(__dirname, "..", "..");
const stackName = "prod";

/** The demo found something that is not as the README says; the reason is for people. */
export class DemoFailed extends Error {}

/**
 * Provisions the shipped sites against a stand-in, pushes as they would, and tries what must be refused.
 *
 * @param home a folder of its own, which only the owner may enter.
 * @throws DemoFailed, or UserError for what is wrong with the project's own files.
 */
export async function runDemo(home: string, signal: AbortSignal): Promise<void> {
  const account = standInAccount(root, stackName);
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  const standIn = await startStandIn({ ...account, now });
  const { config } = account;
  // They take their time to start, and nothing here waits for them until the pushes.
  const origins = openOrigins(config, home);
  // Whatever goes wrong with them is said when they are needed.
  origins.catch(() => undefined);
  let path: DataPath | undefined;
  try {
    heading("Cloudflare, on this machine");
    console.log(`A stand-in for its API listens on ${standIn.baseUrl}; nothing leaves this machine.`);
    const directory = join(home, "project");
    mkdirSync(directory, { mode: 0o700 });
    copyProject(directory);
    const shipped = orThrow(readSiteFiles(join(directory, "sites"))).map(({ name, values }) => ({
      name,
      enabled: values.token.enabled,
    }));
    const guests = inviteGuests(directory);
    const stack = openStack(home, directory, standIn, signal);
    console.log(
      `The demo adds four sites of its own to a copy of the project, to show later what is refused.`,
    );

    heading("First up: make what index.ts declares for the files in sites/");
    requireSuccess(await stack.up(), signal);
    const made = writesIn(standIn);
    const before = await stack.outputs();
    console.log(
      `\n${siteTable(
        before,
        shipped.map(({ name }) => name),
      )}`,
    );
    console.log(`${made} calls changed something at the stand-in.`);

    heading("Second up: nothing has changed, so nothing changes");
    standIn.clearRequests();
    requireSuccess(await stack.up(), signal);
    const again = writesIn(standIn);
    if (again > 0) {
      throw new DemoFailed(`The second up made ${again} changing calls, where none was expected.`);
    }
    console.log("No call changed anything.");

    heading("Third up: one of the demo's sites is rotated, one shut out, one removed");
    changeGuests(directory, guests, now());
    requireSuccess(await stack.up(), signal);
    const outputs = await stack.outputs();

    heading("Pushes, through an imitation of Access and the tunnel");
    path = await openDataPath({
      standIn,
      config,
      tunnelToken: outputs.tunnelToken,
      now,
      origins: await origins,
    });
    for (const [name, origin] of path.origins) {
      console.log(`${name} end at ${origin.name}.`);
    }
    const site = shipped.find(({ enabled }) => enabled)?.name ?? guests.rotated;
    const options = { config, path, outputs, before, guests, site };
    const pushes = await pushShipped(options, shipped);
    console.log(attemptTable(pushes));

    heading("What is refused, and what a rotation's window still lets in");
    const attempts = await tryNow(options);
    clock.ahead = 2 * shortLife.token;
    attempts.push(...(await tryLater(options)));
    console.log(attemptTable(attempts));
    requireExpected([...pushes, ...attempts]);

    heading("What arrived, by site");
    const { text, counts } = await arrivalTable(path.origins, config.siteLabel);
    console.log(text);
    requireArrivals([...pushes, ...attempts], counts);

    heading("Go on");
    console.log(`touch sites/osaka.yaml && npm run demo   ${pc.dim("add a site: a file is all it takes")}
npm run standin                          ${pc.dim("keep all this running, and try `npm run engine -- up` and `npx sitepass verify` on it")}
pulumi up                                ${pc.dim("on your account; the README says what it needs")}`);
  } finally {
    await path?.close();
    await origins.then(
      (opened) => Promise.all([...opened.values()].map((origin) => origin.close())),
      () => undefined,
    );
    await standIn.close();
  }
}

function openStack(home: string, directory: string, standIn: StandIn, signal: AbortSignal): Stack {
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

function requireExpected(attempts: readonly Attempt[]): void {
  const surprising = attempts.filter(({ outcome, expected }) => !expected.includes(outcome.status));
  if (surprising.length > 0) {
    throw new DemoFailed(
      `Answered otherwise than expected: ${surprising.map(({ what }) => what).join("; ")}.`,
    );
  }
}

/** What was answered as delivered is there, and nothing else. */
function requireArrivals(attempts: readonly Attempt[], counts: ReadonlyMap<string, number>): void {
  const delivered = attempts.filter(({ outcome }) => outcome.status < 300).length;
  const arrived = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (delivered !== arrived) {
    throw new DemoFailed(`${delivered} pushes were answered as delivered, and ${arrived} arrived.`);
  }
}

function heading(text: string): void {
  console.log(`\n${pc.bold(text)}`);
}
