import { orThrow } from "../../fleet/problem";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import { readSiteFiles } from "../../fleet/site-files";
import { startStandIn, type StandIn } from "cloudflare-standin";
import { engineStack, copyProject, type ProjectStack } from "../run/project-stack";
import type { RunResult } from "../run/processes";
import {
  pushShipped,
  tryLater,
  tryNow,
  shortLife,
  addDemoSites,
  changeDemoSites,
  demoMetric,
  type Attempt,
} from "./attempts";
import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { lokiOrigin, prometheusOrigin, receiverOrigin, type Origin } from "../run/origins";
import { accountOfStack } from "../run/sandbox";
import { setIdentity } from "../central/running-host";
import { showWhoPushed } from "./who-pushed";
import { arrivalTable, attemptTable, siteTable } from "./tables";
import pc from "picocolors";

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
export async function runDemo(home: string, abort: AbortSignal): Promise<void> {
  const account = accountOfStack(root, stackName);
  const clock = { ahead: 0 };
  const now = () => new Date(Date.now() + clock.ahead);
  const standIn = await startStandIn({ ...account, now });
  const { config } = account;
  // They take their time to start, and nothing here waits for them until the pushes.
  const origins = openOrigins(config, home);
  // Whatever goes wrong with them is said when they are needed.
  origins.catch(() => undefined);
  let dataPath: DataPath | undefined;
  try {
    heading("Cloudflare, on this machine");
    console.log(`A stand-in for its API listens on ${standIn.baseUrl}; nothing leaves this machine.`);
    const directory = join(home, "project");
    mkdirSync(directory, { mode: 0o700 });
    copyProject(directory);
    setIdentity(directory, stackName);
    const shipped = orThrow(readSiteFiles(join(directory, "sites"))).map(({ name, values }) => ({
      name,
      enabled: values.token.enabled,
    }));
    const demoSites = addDemoSites(directory);
    const stack = openStack(home, directory, standIn, abort);
    console.log(
      "The demo adds four sites of its own to a copy of the project, to show later what is refused.",
    );

    heading("First up: make what index.ts declares for the files in sites/");
    requireSuccess(await stack.up(), abort);
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
    requireSuccess(await stack.up(), abort);
    const again = writesIn(standIn);
    if (again > 0) {
      throw new DemoFailed(`The second up made ${again} changing calls, where none was expected.`);
    }
    console.log("No call changed anything.");

    heading("Third up: one of the demo's sites is rotated, one shut out, one removed");
    changeDemoSites(directory, demoSites, now());
    requireSuccess(await stack.up(), abort);
    const outputs = await stack.outputs();

    heading("Pushes, through an imitation of Access and the tunnel");
    const opened = await origins;
    dataPath = await openDataPath(standIn, config, outputs.tunnelToken, now, opened);
    for (const [name, origin] of opened) {
      console.log(`${name} end at ${origin.name}.`);
    }
    const site = shipped.find(({ enabled }) => enabled)?.name ?? demoSites.rotated;
    const options = { config, edge: dataPath.edge, outputs, before, demoSites, site };
    const pushes = await pushShipped(options, shipped);
    console.log(attemptTable(pushes));

    heading("What is refused, and what a rotation's window still lets in");
    const attempts = await tryNow(options);
    clock.ahead = 2 * shortLife.token;
    attempts.push(...(await tryLater(options)));
    console.log(attemptTable(attempts));
    requireExpected([...pushes, ...attempts]);

    heading("What arrived, by site");
    const { text, counts } = await arrivalTable(opened, config.siteLabel);
    console.log(text);
    requireArrivals([...pushes, ...attempts], counts);

    heading("Who pushed: one site writes under another's name, at the gate of the central host");
    clock.ahead = 0;
    await dataPath.connector?.close();
    const hostHome = join(home, "host");
    const who = await showWhoPushed(
      {
        home: hostHome,
        directory,
        stackName,
        statePath: join(home, `${stackName}.json`),
        standIn,
        edge: dataPath.edge,
      },
      outputs,
    );
    if (who.shown) {
      console.log(
        `${who.impostor} pushed once more, as ${who.victim}: it arrived as what ${who.impostor} itself sent.\n${who.text}`,
      );
      if (!who.isRight) {
        throw new DemoFailed("The stores do not have what each site pushed under its own name.");
      }
    } else {
      console.log(
        `Not shown, because this machine lacks ${who.missing.join(", ")}; \`npm run central -- --help\` says where they come from.`,
      );
    }

    heading("Go on");
    console.log(`npx sitepass add osaka && npm run demo   ${pc.dim("add a site: a file is all it takes")}
npm run central                          ${pc.dim("a whole central host, from the files that `sitepass central` renders, with sites that push")}
npm run standin                          ${pc.dim("keep all this running, and try `npm run engine -- up` and `npx sitepass verify` on it")}
npx sitepass init                        ${pc.dim("begin on your own account, in the five steps of the README")}`);
  } finally {
    await dataPath?.close();
    await origins.then(
      (started) => Promise.all([...started.values()].map((origin) => origin.close())),
      () => undefined,
    );
    await standIn.close();
  }
}

/** Starts an origin for each signal: the real service where it is on PATH, else a small receiver. */
async function openOrigins(config: Config, home: string): Promise<ReadonlyMap<SignalName, Origin>> {
  return new Map(
    await Promise.all(
      config.endpoints.map(async ({ signal }) => {
        const directory = join(home, signal);
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        const real =
          signal === "metrics" ? await prometheusOrigin(directory, demoMetric) : await lokiOrigin(directory);
        return [signal, real ?? (await receiverOrigin())] as const;
      }),
    ),
  );
}

/** What a push goes through on this machine, as at Cloudflare. */
interface DataPath {
  readonly edge: Edge;
  /** Undefined when the hosts are published by address. */
  readonly connector: Connector | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Opens the way to the origins.
 *
 * @param tunnelToken of the stack's outputs; undefined when the hosts are published by address.
 * @param now the clock of everything at Cloudflare.
 */
async function openDataPath(
  { database }: StandIn,
  { publish, endpoints }: Config,
  tunnelToken: string | undefined,
  now: () => Date,
  origins: ReadonlyMap<SignalName, Origin>,
): Promise<DataPath> {
  const services = new Map(
    endpoints.map(({ signal, origin }) => [
      publish.kind === "addresses" ? (publish.addresses.get(signal) ?? "") : origin,
      origins.get(signal)?.url ?? "",
    ]),
  );
  const edge = await startEdge({
    database,
    now,
    ...(publish.kind === "addresses" ? { addresses: services } : {}),
  });
  const connector =
    tunnelToken === undefined ? undefined : await startConnector({ database, tunnelToken, services, now });
  return {
    edge,
    connector,
    close: async () => {
      await connector?.close();
      await edge.close();
    },
  };
}

function openStack(home: string, directory: string, standIn: StandIn, abort: AbortSignal): ProjectStack {
  const options = {
    directory,
    home,
    stackName,
    baseUrl: standIn.baseUrl,
    apiToken: standIn.apiToken,
    onText: (text: string) => process.stdout.write(text),
    abort,
  };
  return engineStack(options);
}

const writesIn = (standIn: StandIn): number =>
  standIn.requests.filter(({ method }) => method !== "GET").length;

function requireSuccess({ exitCode }: RunResult, abort: AbortSignal): void {
  if (abort.aborted) {
    throw new DemoFailed("Stopped.");
  }
  if (exitCode !== 0) {
    throw new DemoFailed("The engine failed; what it said is above.");
  }
}

function requireExpected(attempts: readonly Attempt[]): void {
  const surprising = attempts.filter(({ answer, expected }) => !expected.includes(answer.status));
  if (surprising.length > 0) {
    throw new DemoFailed(`Not answered as expected: ${surprising.map(({ what }) => what).join("; ")}.`);
  }
}

/** What was answered as delivered is there, and nothing else. */
function requireArrivals(attempts: readonly Attempt[], counts: ReadonlyMap<string, number>): void {
  const delivered = attempts.filter(({ answer }) => answer.status < 300).length;
  const arrived = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (delivered !== arrived) {
    throw new DemoFailed(`${delivered} pushes were answered as delivered, and ${arrived} arrived.`);
  }
}

function heading(text: string): void {
  console.log(`\n${pc.bold(text)}`);
}
