import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import pc from "picocolors";
import { startStandIn } from "cloudflare-standin";
import { startEdge } from "cloudflare-standin/edge/edge";
import { UserError, type Problem } from "../../fleet/problem";
import type { Identity } from "../../central/central-host";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { copyProject, engineStack } from "../run/project-stack";
import { accountOfStack } from "../run/sandbox";
import { pushAll, pushedLines, pushedMetric } from "./site-pushes";
import { missingPrograms, setIdentity } from "./running-host";
import { readServed, serveStack, type ServedStack } from "./served-stack";

const help = `Runs a whole central host on this machine, from the files that \`sitepass central\` renders: gate, stores and alarms are the
real programs, Cloudflare is the stand-in, and the sites in sites/ push through it. One of them also pushes under another's name.

  npm run central -- [options]

Options
  --for SECONDS    stop by itself; default: Ctrl-C stops it

It needs Debian's packages haproxy, prometheus-alertmanager and prometheus-node-exporter, and what \`npm run programs\` builds.
Grafana is not started. Without Alloy on PATH, lines are told apart by Loki's tenants (identity: tenant), else by label.`;

const stackName = "prod";

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { for: { type: "string" }, help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const seconds = values.for === undefined ? Infinity : Number(values.for);
  if (!(seconds > 0)) {
    throw new UserError({
      subject: "--for",
      says: `is "${values.for ?? ""}"`,
      todo: "Give a number of seconds",
    });
  }
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      stopping.abort();
    });
  }
  const home = mkdtempSync(join(tmpdir(), "sitepass-central-"));
  try {
    await run(home, seconds, stopping.signal);
    return stopping.signal.aborted ? 130 : 0;
  } catch (error) {
    if (stopping.signal.aborted) {
      return 130;
    }
    throw error;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Brings the shipped stack up against a stand-in, serves it by a real central host, and pushes until it is stopped. */
async function run(home: string, seconds: number, abort: AbortSignal): Promise<void> {
  const directory = join(home, "project");
  const hostHome = join(home, "host");
  for (const folder of [directory, hostHome]) {
    mkdirSync(folder, { mode: 0o700 });
  }
  copyProject(directory);
  const identity = setIdentity(directory, stackName);
  const account = accountOfStack(directory, stackName);
  const standIn = await startStandIn(account);
  const edge = await startEdge({ database: standIn.database });
  let served: ServedStack | undefined;
  try {
    const stack = engineStack({
      ...{ directory, home, stackName, abort },
      ...{ baseUrl: standIn.baseUrl, apiToken: standIn.apiToken },
    });
    const up = await stack.up();
    if (up.exitCode !== 0) {
      throw new UserError({
        subject: "up",
        says: `failed (${up.text.trim()})`,
        todo: "Correct the stack's files",
      });
    }
    const options = {
      home: hostHome,
      directory,
      stackName,
      statePath: join(home, `${stackName}.json`),
      standIn,
      edge,
    };
    const missing = missingPrograms(await readServed(options));
    if (missing.length > 0) {
      throw new UserError(missing.map(missingProblem));
    }
    served = await serveStack(options);
    console.log(describe(served, identity));
    await pushUntil(served, await stack.outputs(), edge, seconds, abort);
  } finally {
    await served?.close();
    await edge.close();
    await standIn.close();
  }
}

const missingProblem = ({ title, name }: { readonly title: string; readonly name: string }): Problem => ({
  subject: title,
  says: "is not on this machine",
  todo: ["gate", "alertmanager", "node-exporter"].includes(name)
    ? "Install Debian's packages haproxy, prometheus-alertmanager and prometheus-node-exporter"
    : "Build it with `npm run programs`",
});

function describe({ host, central }: ServedStack, identity: Identity): string {
  const table = new Table({ head: ["program", "where", "version"], style: { head: [], border: [] } });
  for (const [name, version] of host.versions) {
    table.push([name, host.url(name), version.replace(/ \(.*$/, "")]);
  }
  const [one = "", other = ""] = central.sites.filter(({ enabled }) => enabled).map(({ name }) => name);
  const tenant = identity === "tenant" ? ` -H 'X-Scope-OrgID: ${one}'` : "";
  return `${table.toString()}

${pc.bold("Look at")}
  ${host.url("prometheus")}/alerts                       what is silent, refused, or about to expire
  ${host.url("prometheus")}/graph?g0.expr=${encodeURIComponent(pushedMetric)}   who pushed: ${one} also pushes as ${other}, and does not get through
  ${host.url("gate")}/metrics/sites                      what each site sent, and what was refused
  ${host.url("alertmanager")}/#/alerts                   what would be told to whom
  curl -G${tenant} ${host.url("loki")}/loki/api/v1/query_range --data-urlencode 'query=${pushedLines}'
`;
}

/** Pushes for every site every two seconds, and tells now and then what the stores have. */
async function pushUntil(
  served: ServedStack,
  outputs: RevealedOutputs,
  edge: Parameters<typeof pushAll>[0],
  seconds: number,
  abort: AbortSignal,
): Promise<void> {
  const until = Date.now() + seconds * 1000;
  for (let round = 0; !abort.aborted && Date.now() < until; round += 1) {
    const refused = await pushAll(edge, served.central, outputs);
    if (round % 10 === 2) {
      if (refused.length > 0) {
        const statuses = [...new Set(refused)].sort().join(", ");
        console.log(
          pc.yellow(`Not delivered: ${refused.length} of the last pushes, answered with ${statuses}.`),
        );
      }
      console.log(await arrivals(served));
    }
    await delay(2000, undefined, { signal: abort }).catch(() => undefined);
  }
  if (!abort.aborted) {
    console.log(await arrivals(served));
  }
}

async function arrivals({ central, stored }: ServedStack): Promise<string> {
  const samples = await stored("metrics", pushedMetric);
  const lines = await stored("logs", pushedLines);
  const table = new Table({
    head: [central.siteLabel, "samples", "log lines"],
    style: { head: [], border: [] },
  });
  for (const site of [...new Set([...samples.keys(), ...lines.keys()])].sort()) {
    table.push([site, samples.get(site) ?? 0, lines.get(site) ?? 0]);
  }
  return `${new Date().toISOString().slice(11, 19)}\n${table.toString()}`;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (!(error instanceof UserError)) {
      throw error;
    }
    console.error(`${pc.red("error:")} ${error.message}`);
    process.exitCode = 1;
  },
);
