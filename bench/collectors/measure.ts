import { renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CollectorEndpoint, CollectorSite, Credentials, RenderedFile } from "../../collectors/collector";
import { collectors } from "../../collectors/collectors";
import { relayEndpoint } from "../../collectors/relay/relay";
import { startReceiver, type Receiver } from "../../local/pushes/receiver";
import { freePort } from "../../local/run/processes";
import { startRelayProgram, type RelayProgram } from "../../local/run/relay-program";
import { problemText } from "../../fleet/problem";
import { signals, type SignalName } from "../../fleet/signals";
import { writeSite } from "../../handover/site-folder";
import { CollectorProcess, LineFeed } from "./collector-process";
import type { CaseName, Measured } from "./results";
import { startFaultyEdge, type Fault, type FaultyEdge } from "./faulty-edge";
import type { Run, Subject } from "./subject";

/** How long something is wrong: longer than any collector batches, shorter than the retries of any that gives up. */
const outageMilliseconds = 30_000;

/** How long what was kept may take to arrive: the longest wait between two tries is a minute. */
const recoveryMilliseconds = 100_000;

const credentials: Credentials = {
  clientId: "88bf3b6d86161464f6509f7219099e57.access",
  clientSecret: `cfast_${"before".repeat(8)}`,
};
const rotated: Credentials = { ...credentials, clientSecret: `cfast_${"after000".repeat(6)}` };

/** Lets one thing go wrong while a collector pushes, and counts what arrives in the end. */
export async function measure(
  subject: Subject,
  what: CaseName,
  relayed: boolean,
  directory: string,
): Promise<Pick<Measured, "outcome" | "lost" | "leaked" | "restarted">> {
  const closers: (() => void | Promise<void>)[] = [];
  try {
    const receiver = await startReceiver();
    closers.unshift(() => receiver.close());
    const edge = await startFaultyEdge(receiver, credentials.clientSecret);
    closers.unshift(() => edge.close());
    const { signal } = subject;
    const endpoint = { hostname: "push.example.com", base: edge.url, paths: signals[signal].defaultPaths };
    const relay = relayed
      ? await startRelayProgram("nginx", { endpoints: { [signal]: endpoint }, credentials })
      : undefined;
    closers.unshift(() => relay?.close());
    const run = { directory: join(directory, "site"), port: await freePort(), otherPort: await freePort() };
    const render = (using: Credentials): readonly RenderedFile[] => {
      const files = renderFor(subject, edge.url, relay, run, using);
      writeSite(run.directory, "tokyo", files);
      return files;
    };
    const collector = new CollectorProcess(subject, render(credentials), run);
    const write = (using: Credentials) => {
      collector.files = render(using);
    };
    closers.unshift(() => collector.stop());
    await collector.start();
    const feed = subject.feed === undefined ? undefined : new LineFeed(subject.feed, run);
    closers.unshift(() => feed?.stop());
    const count = () => (feed === undefined ? arrivedTimes(receiver).length : arrivedLines(receiver).size);
    const latest = Date.now() + 90_000;
    while (count() < 5) {
      await delay(100);
      if (Date.now() > latest) {
        throw new Error(`${subject.title} pushes nothing:\n${collector.text.slice(-4000)}`);
      }
    }

    const from = { time: Date.now(), line: feed?.count ?? 0 };
    const { restarted, downSeconds } = await goWrong(what, { edge, relay, collector, run, subject, write });
    const to = { time: Date.now(), line: feed?.count ?? 0 };
    const lost = () =>
      feed === undefined
        ? // A collector that does not run collects nothing, which does not count as a loss.
          Math.max(0, missingSeconds(arrivedTimes(receiver), from.time, to.time) - downSeconds)
        : missingLines(arrivedLines(receiver), from.line, to.line);
    const deadline = Date.now() + recoveryMilliseconds;
    while (Date.now() < deadline && (lost() > 0 || !goesOn(receiver, feed, to))) {
      await delay(500);
    }
    const admits = subject.admitsLoss(collector.text, await collector.metrics());
    return {
      outcome: lost() === 0 ? "retry" : admits ? "drop" : "silent loss",
      lost: lost(),
      leaked: edge.leaks() > 0,
      restarted,
    };
  } finally {
    for (const close of closers) {
      await close();
    }
  }
}

/** What a fault happens to. */
interface Setup {
  readonly edge: FaultyEdge;
  readonly relay: RelayProgram | undefined;
  readonly collector: CollectorProcess;
  readonly run: Run;
  readonly subject: Subject;
  readonly write: (using: Credentials) => void;
}

/** Whether the collector had to be restarted to go on, and for how long it did not run then. */
interface Aftermath {
  readonly restarted: boolean;
  readonly downSeconds: number;
}

const wentOn: Aftermath = { restarted: false, downSeconds: 0 };

async function goWrong(what: CaseName, setup: Setup): Promise<Aftermath> {
  const { edge, run, relay, subject } = setup;
  switch (what) {
    case "secret file missing": {
      const holder =
        relay === undefined ? join(run.directory, subject.collector) : join(relay.directory, "relay");
      const current = join(holder, "credentials", "..data");
      renameSync(current, `${current}.away`);
      await delay(outageMilliseconds);
      renameSync(`${current}.away`, current);
      return wentOn;
    }
    case "rotation":
      return rotate(setup);
    default:
      await edge.setFault(faults[what]);
      await delay(outageMilliseconds);
      await edge.setFault(undefined);
      return wentOn;
  }
}

const faults: Readonly<Record<Exclude<CaseName, "secret file missing" | "rotation">, Fault>> = {
  "login-page redirect": "login",
  "401": { status: 401, html: true },
  "403": { status: 403, html: true },
  "429": { status: 429, html: false },
  "500": { status: 500, html: false },
  "530": { status: 530, html: true },
  "connection refused": "connection refused",
};

/** The files are replaced while both secrets are valid; then the old one ends. A collector that still sends it is restarted. */
async function rotate({ edge, relay, collector, write }: Setup): Promise<Aftermath> {
  edge.accept([credentials.clientSecret, rotated.clientSecret]);
  if (relay === undefined) {
    write(rotated);
  } else {
    await relay.rotate(rotated);
  }
  // Of those that are measured here, a collector that reads its secret again does so at each push.
  await delay(10_000);
  edge.accept([rotated.clientSecret]);
  const refused = edge.refused();
  await delay(outageMilliseconds);
  if (edge.refused() === refused) {
    return wentOn;
  }
  const stopped = Date.now();
  await collector.restart();
  return { restarted: true, downSeconds: Math.ceil((Date.now() - stopped) / 1000) + 1 };
}

/** Whether the collector can push without a relay at all. */
export function canBeBare({ collector, signal, release }: Subject): boolean {
  const site = siteFor(signal, { base: "https://push.example.com", paths: signals[signal].defaultPaths });
  return (
    collectors[collector].refusals(site, { directory: "/etc/sitepass", credentials }, release).length === 0
  );
}

function siteFor(signal: SignalName, endpoint: CollectorEndpoint): CollectorSite {
  return { name: "tokyo", siteLabel: "provider", labels: {}, endpoints: { [signal]: endpoint } };
}

function renderFor(
  subject: Subject,
  url: string,
  relay: RelayProgram | undefined,
  run: Run,
  using: Credentials,
): readonly RenderedFile[] {
  const { signal, release } = subject;
  const paths = signals[signal].defaultPaths;
  const site = siteFor(
    signal,
    relay === undefined ? { base: url, paths } : relayEndpoint(relay.port, signal, paths),
  );
  const placement = { directory: run.directory, credentials: relay === undefined ? using : undefined };
  const collector = collectors[subject.collector];
  const refusals = collector.refusals(site, placement, release);
  if (refusals.length > 0) {
    throw new Error(refusals.map(problemText).join("\n"));
  }
  return subject.adapt(collector.render(site, placement, release), run);
}

/** Whether anything has arrived that was collected afterwards. */
function goesOn(receiver: Receiver, feed: LineFeed | undefined, to: { time: number; line: number }): boolean {
  return feed === undefined
    ? arrivedTimes(receiver).some((time) => time > to.time + 2_000)
    : [...arrivedLines(receiver)].some((line) => line > to.line);
}

function missingLines(arrived: ReadonlySet<number>, from: number, to: number): number {
  return Array.from({ length: to - from }, (_, index) => from + 1 + index).filter(
    (line) => !arrived.has(line),
  ).length;
}

/** A metric that each scrape of a collector by itself brings once. */
const scrapeMetrics = ["up", "internal_agent_gather_errors"];

/** Times of the samples that came, in milliseconds, in order. */
function arrivedTimes(receiver: Receiver): readonly number[] {
  return receiver.samples
    .filter(({ labels }) => scrapeMetrics.includes(labels.__name__ ?? ""))
    .flatMap(({ samples }) => samples.map(({ timestamp }) => timestamp))
    .sort((a, b) => a - b);
}

/** How many whole seconds between two times have no sample, of a series that has one a second. */
function missingSeconds(times: readonly number[], from: number, to: number): number {
  const around = times.filter((time) => time >= from - 5_000 && time <= to + 5_000);
  let missing = 0;
  let before = around[0] ?? from;
  for (const time of [...around.slice(1), ...(around.some((time) => time >= to) ? [] : [to])]) {
    // Scrapes are about a second apart; a busy machine is late.
    missing += Math.max(0, Math.round((time - before) / 1000) - 1);
    before = time;
  }
  return missing;
}

/** Numbers of the fed log lines that came. */
function arrivedLines(receiver: Receiver): ReadonlySet<number> {
  const texts = receiver.lines.flatMap(({ lines }) => lines.map(({ line }) => line));
  return new Set(texts.flatMap((text) => /^line (\d+)$/.exec(text)?.[1] ?? []).map(Number));
}
