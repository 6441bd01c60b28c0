import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import type { StandIn } from "cloudflare-standin";
import { startConnector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { lokiOrigin } from "../run/loki-origin";
import type { Origin } from "../run/origin";
import { prometheusOrigin } from "../run/prometheus-origin";
import { receiverOrigin } from "../run/receiver-origin";

/** The name of the metric that the demo pushes. */
export const demoMetric = "sitepass_demo";

/** What a push goes through on this machine, as at Cloudflare. */
export interface DataPath {
  readonly edge: Edge;
  readonly origins: ReadonlyMap<SignalName, Origin>;
  readonly close: () => Promise<void>;
}

/** Starts an origin for each signal: the real service where it is on PATH, else a small receiver. */
export async function openOrigins(config: Config, home: string): Promise<ReadonlyMap<SignalName, Origin>> {
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

export interface DataPathOptions {
  readonly standIn: StandIn;
  readonly config: Config;
  /** Of the stack's outputs; undefined when the hosts are published by address. */
  readonly tunnelToken: string | undefined;
  /** The clock of everything at Cloudflare. */
  readonly now: () => Date;
  readonly origins: ReadonlyMap<SignalName, Origin>;
}

/** Opens the way to the origins. */
export async function openDataPath({
  standIn,
  config,
  tunnelToken,
  now,
  origins,
}: DataPathOptions): Promise<DataPath> {
  const { database } = standIn;
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
    },
  };
}
