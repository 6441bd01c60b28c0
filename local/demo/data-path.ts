import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../provision/config";
import type { SignalName } from "../../provision/signals";
import type { StandIn } from "../api/stand-in";
import { startConnector } from "../edge/connector";
import { startEdge, type Edge } from "../edge/edge";
import { lokiOrigin } from "../origins/loki-origin";
import type { Origin } from "../origins/origin";
import { prometheusOrigin } from "../origins/prometheus-origin";
import { receiverOrigin } from "../origins/receiver-origin";

/** The name of the metric that the demo pushes. */
export const demoMetric = "sitepass_demo";

/** What a push goes through on this machine, as at Cloudflare. */
export interface DataPath {
  readonly edge: Edge;
  readonly origins: ReadonlyMap<SignalName, Origin>;
  readonly close: () => Promise<void>;
}

export interface DataPathOptions {
  readonly standIn: StandIn;
  readonly config: Config;
  /** Of the stack's outputs; undefined when the hosts are published by address. */
  readonly tunnelToken: string | undefined;
  /** The clock of everything at Cloudflare. */
  readonly now: () => Date;
  /** A folder of its own for origins that keep something on disk. */
  readonly home: string;
}

/** Starts an origin for each signal, the real service where it is on PATH, and the way to them. */
export async function openDataPath({
  standIn,
  config,
  tunnelToken,
  now,
  home,
}: DataPathOptions): Promise<DataPath> {
  const { database } = standIn;
  const origins = new Map<SignalName, Origin>();
  for (const { signal } of config.endpoints) {
    const directory = join(home, signal);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const real =
      signal === "metrics" ? await prometheusOrigin(directory, demoMetric) : await lokiOrigin(directory);
    origins.set(signal, real ?? (await receiverOrigin()));
  }
  const { publish } = config;
  const places = new Map(
    config.endpoints.map(({ signal, origin }) => [
      publish.kind === "addresses" ? (publish.addresses.get(signal) ?? "") : origin,
      origins.get(signal)?.url ?? "",
    ]),
  );
  const edge = await startEdge({
    database,
    now,
    ...(publish.kind === "addresses" ? { addresses: places } : {}),
  });
  const connector =
    tunnelToken === undefined
      ? undefined
      : await startConnector({ database, tunnelToken, services: places, now });
  return {
    edge,
    origins,
    close: async () => {
      await connector?.close();
      await edge.close();
      await Promise.all([...origins.values()].map((origin) => origin.close()));
    },
  };
}
