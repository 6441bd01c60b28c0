import { signalNames, type SignalName } from "../fleet/signals";
import type { CollectorName, CollectorRelease, CollectorSite } from "./collector";

/** Where what a collector cannot send waits, for one signal. */
export interface Buffer {
  /** Follows "waits". */
  readonly place: string;
  /** Hours that an outage of central may last until something is lost. */
  readonly hours: number;
  /** Hours after which the oldest is gone; where it is not told, as above. The stores have to take what is as old. */
  readonly oldestHours?: number;
  /** What the place holds. Without it, time alone is the limit. */
  readonly holds?: { readonly bytes: number } | { readonly items: number };
  readonly whenFull:
    | "the oldest is dropped"
    | "sources are read no further"
    | "the disk fills up"
    | "what the machine rotates away is lost";
  readonly outlivesRestart: boolean | "but for what was read already";
  /** Whether what waited is sent before what came later. */
  readonly inOrder: boolean;
}

/** From Friday evening to Monday evening: what the buffers on disk are for. */
const longWeekend = 72;

/**
 * Fluent Bit's backlog of logs comes among newer lines, and Loki holds chunks open twice as long as the backlog may be old: a day
 * is what its memory can bear.
 */
const day = 24;

const gibibyte = 1_073_741_824;
const onDisk = { whenFull: "sources are read no further", outlivesRestart: true, inOrder: true } as const;
const inLog = { place: "in the write-ahead log", outlivesRestart: false, inOrder: true } as const;
const whereTheyAre = {
  place: "where they are, in the journal and in log files",
  hours: longWeekend,
  whenFull: "what the machine rotates away is lost",
  outlivesRestart: "but for what was read already",
  inOrder: true,
} as const;

/**
 * What each collector keeps through an outage of central, as it is rendered. Rendered files, notes, documents and what the central
 * stores have to take follow from it (docs/facts/collectors.md, K15, K22, K23, K28, K33, K45, K62, K63).
 */
export const buffers = {
  prometheus: { metrics: { ...inLog, hours: 2, oldestHours: 3, whenFull: "the oldest is dropped" } },
  promtail: { logs: whereTheyAre },
  alloy: { metrics: { ...inLog, hours: 8, whenFull: "the oldest is dropped" }, logs: whereTheyAre },
  otelcol: {
    metrics: {
      ...onDisk,
      place: "on disk, without a limit",
      hours: longWeekend,
      whenFull: "the disk fills up",
    },
    logs: { ...onDisk, place: "on disk, 1 GiB", hours: longWeekend, holds: { bytes: gibibyte } },
  },
  vmagent: {
    metrics: {
      ...onDisk,
      place: "on disk, 5 GB",
      hours: longWeekend,
      holds: { bytes: 5_000_000_000 },
      whenFull: "the oldest is dropped",
    },
  },
  vector: {
    metrics: { ...onDisk, place: "on disk, 1 GiB", hours: longWeekend, holds: { bytes: gibibyte } },
    logs: { ...onDisk, place: "on disk, 1 GiB", hours: longWeekend, holds: { bytes: gibibyte } },
  },
  "fluent-bit": {
    metrics: {
      ...onDisk,
      place: "on disk, 1 GB",
      hours: longWeekend,
      holds: { bytes: 1_000_000_000 },
      whenFull: "the oldest is dropped",
      inOrder: false,
    },
    logs: {
      ...onDisk,
      place: "on disk, 1 GB",
      hours: day,
      holds: { bytes: 1_000_000_000 },
      whenFull: "the oldest is dropped",
      inOrder: false,
    },
  },
  telegraf: {
    metrics: {
      place: "in memory, 100,000 metrics",
      hours: day,
      holds: { items: 100_000 },
      whenFull: "the oldest is dropped",
      outlivesRestart: false,
      inOrder: true,
    },
    logs: {
      place: "in memory, 100,000 lines",
      hours: day,
      holds: { items: 100_000 },
      whenFull: "the oldest is dropped",
      outlivesRestart: false,
      inOrder: true,
    },
  },
} as const satisfies Readonly<Record<CollectorName, Readonly<Partial<Record<SignalName, Buffer>>>>>;

/** Prometheus as an agent: eight hours where little is scraped, and two at least. */
export const agentBuffer = {
  ...inLog,
  hours: 2,
  oldestHours: 8,
  whenFull: "the oldest is dropped",
} as const satisfies Buffer;

/** A collector's buffer for a signal; undefined when it does not push it. */
export function bufferOf(
  name: CollectorName,
  signal: SignalName,
  mode: CollectorRelease["mode"] = "server",
): Buffer | undefined {
  const ofCollector: Readonly<Partial<Record<SignalName, Buffer>>> = buffers[name];
  return name === "prometheus" && mode === "agent" && signal === "metrics"
    ? agentBuffer
    : ofCollector[signal];
}

/** What the central stores have to take, so that a backlog is not refused. In hours. */
export interface StoreWindows {
  /** Prometheus' `storage.tsdb.out_of_order_time_window`. */
  readonly outOfOrderTimeWindow: number;
  /** Loki's `limits_config.reject_old_samples_max_age`. */
  readonly rejectOldSamplesMaxAge: number;
  /** Loki's `ingester.max_chunk_age`: half of it is how late a line of a stream may come (docs/facts/edge.md, E57). */
  readonly maxChunkAge: number;
  /** Loki's `querier.query_ingesters_within`: shorter than the above, lines cannot be read until their chunk is full. */
  readonly queryIngestersWithin: number;
}

/** How late what a buffer held may come: sending it takes its time too. */
const latest = ({ hours, oldestHours = hours }: Buffer): number => oldestHours + 1;

/** Loki's own defaults, which are enough for what comes in order. */
const lokiDefaults = { rejectOldSamplesMaxAge: 168, maxChunkAge: 2, queryIngestersWithin: 3 } as const;

/** What the stores have to take from sites that run these collectors. */
export function storeWindows(names: readonly CollectorName[]): StoreWindows {
  const of = (signal: SignalName): readonly Buffer[] => names.flatMap((name) => bufferOf(name, signal) ?? []);
  const longest = (some: readonly Buffer[]): number => Math.max(0, ...some.map(latest));
  const metrics = names.includes("prometheus") ? [...of("metrics"), agentBuffer] : of("metrics");
  const maxChunkAge = Math.max(
    lokiDefaults.maxChunkAge,
    2 * longest(of("logs").filter(({ inOrder }) => !inOrder)),
  );
  return {
    outOfOrderTimeWindow: longest(metrics),
    rejectOldSamplesMaxAge: Math.max(lokiDefaults.rejectOldSamplesMaxAge, longest(of("logs"))),
    maxChunkAge,
    queryIngestersWithin: Math.max(lokiDefaults.queryIngestersWithin, maxChunkAge + 1),
  };
}

/** How much a second, for so many hours; as the end of a phrase. */
export function rateText({ holds, hours }: Buffer): string {
  if (holds === undefined) {
    return "";
  }
  return "bytes" in holds
    ? ` at up to ${(holds.bytes / hours / 3_600_000).toPrecision(2)} kB a second`
    : ` at up to ${Math.floor((holds.items / hours / 3600) * 30)} every 30 seconds`;
}

function restartText({ outlivesRestart }: Buffer): string {
  return outlivesRestart === false
    ? "loses them"
    : outlivesRestart === true
      ? "keeps them"
      : `keeps them ${outlivesRestart}`;
}

/** What becomes of a site's data in an outage of central, a sentence or two for each signal. */
export function bufferNotes(
  name: CollectorName,
  { endpoints }: CollectorSite,
  { mode }: CollectorRelease,
): readonly string[] {
  return signalNames.flatMap((signal) => {
    const buffer = bufferOf(name, signal, mode);
    if (buffer === undefined || endpoints[signal] === undefined) {
      return [];
    }
    const { place, hours, oldestHours, whenFull, inOrder } = buffer;
    const what = signal === "metrics" ? "Metrics" : "Logs";
    const span = `${hours} hours${oldestHours === undefined ? "" : ` (${oldestHours} where little is collected)`}`;
    const restart = restartText(buffer);
    const window =
      signal === "metrics"
        ? ` when central's Prometheus has an out_of_order_time_window of ${latest(buffer)}h or more`
        : inOrder
          ? ""
          : ` when central's Loki has a max_chunk_age of ${2 * latest(buffer)}h or more, as they come among newer lines`;
    return `${what} that cannot be sent wait ${place}, and a restart ${restart}. An outage of ${span}${rateText(buffer)} loses nothing${window}; in a longer one ${whenFull}.`;
  });
}
