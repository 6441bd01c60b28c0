import { renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CollectorEndpoint, CollectorSite, Credentials, RenderedFile } from "../../collectors/collector";
import { collectors } from "../../collectors/collectors";
import { relayEndpoint } from "../../collectors/relay/relay";
import { startReceiver, type Receiver } from "../../packages/cloudflare-standin/edge/receiver";
import { freePort } from "../../local/run/service-process";
import { startRelayProgram, type RelayProgram } from "../../local/run/relay-program";
import { signals, type SignalName } from "../../fleet/signals";
import { writeSite } from "../../handover/site-folder";
import { Agent } from "./agent";
import { arrivedLines, arrivedTimes, missingSeconds } from "./arrivals";
import type { CaseName } from "./cases";
import { LineFeed } from "./line-feed";
import { startFront, type Front, type Trouble } from "./front";
import type { Place, Subject } from "./subject";

/** How long something is wrong: longer than any collector batches, shorter than the retries of any that gives up. */
const outageMilliseconds = 30_000;

/** How long what was kept may take to arrive: the longest wait between two tries is a minute. */
const recoveryMilliseconds = 100_000;

const credentials: Credentials = {
  clientId: "88bf3b6d86161464f6509f7219099e57.access",
  clientSecret: `cfast_${"before".repeat(8)}`,
};
const rotated: Credentials = { ...credentials, clientSecret: `cfast_${"after000".repeat(6)}` };

export interface Measurement {
  /** What became of the data of the time that something was wrong. */
  readonly outcome: "retry" | "drop" | "silent loss";
  /** Seconds (metrics) or lines (logs) that never came. */
  readonly lost: number;
  /** The secret was sent to where a redirect led. */
  readonly leaked: boolean;
  /** It went on only after a restart. */
  readonly restarted: boolean;
}

/** Lets one thing go wrong while a collector pushes, and counts what arrives in the end. */
export async function measure(
  subject: Subject,
  what: CaseName,
  relayed: boolean,
  directory: string,
): Promise<Measurement> {
  const closers: (() => void | Promise<void>)[] = [];
  try {
    const receiver = await startReceiver();
    closers.unshift(() => receiver.close());
    const front = await startFront(receiver, credentials.clientSecret);
    closers.unshift(() => front.close());
    const relay = relayed ? await relayTo(front.url, subject) : undefined;
    closers.unshift(() => relay?.close());
    const place = { directory: join(directory, "site"), port: await freePort(), otherPort: await freePort() };
    const render = (using: Credentials): readonly RenderedFile[] => {
      const files = renderFor(subject, front.url, relay, place, using);
      writeSite(place.directory, "tokyo", files);
      return files;
    };
    const agent = new Agent(subject, render(credentials), place);
    const write = (using: Credentials) => {
      agent.files = render(using);
    };
    closers.unshift(() => agent.stop());
    await agent.start();
    const feed = subject.feed === undefined ? undefined : new LineFeed(subject.feed, place);
    closers.unshift(() => feed?.stop());
    const count = () => (feed === undefined ? arrivedTimes(receiver).length : arrivedLines(receiver).size);
    await until(
      () => count() >= 5,
      90_000,
      () => `${subject.title} pushes nothing:\n${agent.text.slice(-4000)}`,
    );

    const from = { time: Date.now(), line: feed?.count ?? 0 };
    const { restarted, downSeconds } = await goWrong(what, { front, relay, agent, place, subject, write });
    const to = { time: Date.now(), line: feed?.count ?? 0 };
    const lost = () =>
      feed === undefined
        ? // While it does not run it collects nothing, which is no loss of what it had.
          Math.max(0, missingSeconds(arrivedTimes(receiver), from.time, to.time) - downSeconds)
        : missingLines(arrivedLines(receiver), from.line, to.line);
    const deadline = Date.now() + recoveryMilliseconds;
    while (Date.now() < deadline && (lost() > 0 || !goesOn(receiver, feed, to))) {
      await delay(500);
    }
    const admits = subject.admitsLoss(agent.text, await agent.metrics());
    return {
      outcome: lost() === 0 ? "retry" : admits ? "drop" : "silent loss",
      lost: lost(),
      leaked: front.followed().withSecret > 0,
      restarted,
    };
  } finally {
    for (const close of closers) {
      await close();
    }
  }
}

interface World {
  readonly front: Front;
  readonly relay: RelayProgram | undefined;
  readonly agent: Agent;
  readonly place: Place;
  readonly subject: Subject;
  readonly write: (using: Credentials) => void;
}

/** Whether the collector had to be restarted to go on, and for how long it did not run then. */
interface Aftermath {
  readonly restarted: boolean;
  readonly downSeconds: number;
}

const wentOn: Aftermath = { restarted: false, downSeconds: 0 };

async function goWrong(what: CaseName, world: World): Promise<Aftermath> {
  const { front, place, relay, subject } = world;
  switch (what) {
    case "secret file missing": {
      const holder =
        relay === undefined ? join(place.directory, subject.collector) : join(relay.directory, "relay");
      const current = join(holder, "credentials", "..data");
      renameSync(current, `${current}.away`);
      await delay(outageMilliseconds);
      renameSync(`${current}.away`, current);
      return wentOn;
    }
    case "rotation":
      return rotate(world);
    default:
      await front.trouble(troubles[what]);
      await delay(outageMilliseconds);
      await front.trouble(undefined);
      return wentOn;
  }
}

const troubles: Readonly<Record<Exclude<CaseName, "secret file missing" | "rotation">, Trouble>> = {
  "login-page redirect": { kind: "login" },
  "401": { kind: "answer", status: 401, html: true },
  "403": { kind: "answer", status: 403, html: true },
  "429": { kind: "answer", status: 429, html: false },
  "500": { kind: "answer", status: 500, html: false },
  "530": { kind: "answer", status: 530, html: true },
  "connection refused": { kind: "refused" },
};

/** The files are replaced while both secrets are good; then the old one ends. Who still sends it is restarted. */
async function rotate({ front, relay, agent, write }: World): Promise<Aftermath> {
  front.accept([credentials.clientSecret, rotated.clientSecret]);
  if (relay === undefined) {
    write(rotated);
  } else {
    await relay.rotate(rotated);
  }
  // Alloy looks after a minute at the latest; those measured here that look at all do so at each push.
  await delay(10_000);
  front.accept([rotated.clientSecret]);
  const refused = front.troubled();
  await delay(outageMilliseconds);
  if (front.troubled() === refused) {
    return wentOn;
  }
  const stopped = Date.now();
  await agent.restart();
  return { restarted: true, downSeconds: Math.ceil((Date.now() - stopped) / 1000) + 1 };
}

function relayTo(url: string, subject: Subject): Promise<RelayProgram> {
  return startRelayProgram("nginx", {
    endpoints: {
      [subject.signal]: {
        hostname: "push.example.com",
        base: url,
        paths: signals[subject.signal].defaultPaths,
      },
    },
    credentials,
  });
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
  { directory, port, otherPort }: Place,
  using: Credentials,
): readonly RenderedFile[] {
  const { signal, release } = subject;
  const paths = signals[signal].defaultPaths;
  const site = siteFor(
    signal,
    relay === undefined ? { base: url, paths } : relayEndpoint(relay.port, signal, paths),
  );
  const placement = { directory, credentials: relay === undefined ? using : undefined };
  const collector = collectors[subject.collector];
  const refusals = collector.refusals(site, placement, release);
  if (refusals.length > 0) {
    throw new Error(refusals.join("\n"));
  }
  return subject.adapt(collector.render(site, placement, release), { directory, port, otherPort });
}

/** Whether anything of the time after came. */
function goesOn(receiver: Receiver, feed: LineFeed | undefined, to: { time: number; line: number }): boolean {
  return feed === undefined
    ? arrivedTimes(receiver).some((time) => time > to.time + 2_000)
    : [...arrivedLines(receiver)].some((line) => line > to.line);
}

function missingLines(arrived: ReadonlySet<number>, from: number, to: number): number {
  let missing = 0;
  for (let line = from + 1; line <= to; line += 1) {
    missing += arrived.has(line) ? 0 : 1;
  }
  return missing;
}

async function until(holds: () => boolean, milliseconds: number, failure: () => string): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!holds()) {
    if (Date.now() > deadline) {
      throw new Error(failure());
    }
    await delay(100);
  }
}
