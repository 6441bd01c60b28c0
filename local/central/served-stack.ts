import type { SignalName } from "../../fleet/signals";
import { orThrow } from "../../fleet/problem";
import type { StandIn } from "cloudflare-standin";
import type { Edge } from "../../packages/cloudflare-standin/edge/edge";
import { startConnector } from "cloudflare-standin/edge/tunnel/connector";
import { refreshAccessKeys } from "../../central/gate/access-keys";
import type { CentralHost } from "../../central/central-host";
import { readCentralHost } from "../../central/read-central-host";
import { z } from "zod";
import { openStack } from "../../stack/open-stack";
import { stateFileReader } from "../../stack/state-file-reader";
import { startCentralHost, type RunningHost } from "./running-host";

/** A stack on this machine whose tunnel leads to a real central host. */
export interface ServedStack {
  readonly central: CentralHost;
  readonly host: RunningHost;
  /** How many samples of series, or lines, a store has under each site's name. */
  readonly stored: (signal: SignalName, selector: string) => Promise<ReadonlyMap<string, number>>;
  readonly close: () => Promise<void>;
}

export interface ServedStackOptions {
  /** A folder for the central host alone, which exists. */
  readonly home: string;
  /** The copy of the project, and the state of its stack, which local/engine has brought up. */
  readonly directory: string;
  readonly stackName: string;
  readonly statePath: string;
  readonly standIn: StandIn;
  readonly edge: Edge;
  readonly now?: () => Date;
}

/** Reads what a stack's central host is made from, after its `up`. */
export const readServed = ({ directory, stackName, statePath }: ServedStackOptions): Promise<CentralHost> =>
  readCentralHost(openStack(directory, stackName, stateFileReader(statePath)), new Set());

/**
 * Starts the central host of a stack that is up, gives its gate the keys of Access, and connects the tunnel to it.
 *
 * @throws with what a program printed when it does not start.
 */
export async function serveStack(options: ServedStackOptions): Promise<ServedStack> {
  const { home, directory, stackName, statePath, standIn, edge, now } = options;
  const central = await readServed(options);
  const { tunnelToken = "" } = await stateFileReader(statePath).outputs(directory, stackName);
  const host = await startCentralHost(home, central, async ({ run, textfiles }) => {
    const url = new URL("/cdn-cgi/access/certs", edge.url);
    const team = { url, host: `${central.teamName}.cloudflareaccess.com`, textfiles };
    orThrow(await refreshAccessKeys(home, run, central.teamName, team));
  });
  const connector = await startConnector({
    database: standIn.database,
    tunnelToken,
    services: host.services,
    ...(now === undefined ? {} : { now }),
  });
  return {
    central,
    host,
    stored: (signal, selector) => stored(signal, selector, central, host),
    close: async () => {
      await connector.close();
      await host.close();
    },
  };
}

/** An instant query's answer, which is the same in Prometheus and Loki (prometheus.io/docs/prometheus/latest/querying/api). */
const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

async function stored(
  signal: SignalName,
  selector: string,
  { identity, siteLabel, sites }: CentralHost,
  host: RunningHost,
): Promise<ReadonlyMap<string, number>> {
  const ask = async (url: string, label: string, tenants?: readonly string[]) => {
    const query = `sum by (${label}) (count_over_time(${selector}[1h]))`;
    const response = await fetch(`${url}?${new URLSearchParams({ query }).toString()}`, {
      headers: tenants === undefined ? {} : { "X-Scope-OrgID": tenants.join("|") },
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${url}: ${response.status} ${text}`);
    }
    const { data } = answerSchema.parse(JSON.parse(text));
    return new Map(data.result.map(({ metric, value }) => [metric[label] ?? "", Number(value[1])]));
  };
  return signal === "metrics"
    ? ask(`${host.url("prometheus")}/api/v1/query`, siteLabel)
    : identity === "tenant"
      ? ask(
          `${host.url("loki")}/loki/api/v1/query`,
          "__tenant_id__",
          sites.map(({ name }) => name),
        )
      : ask(`${host.url("loki")}/loki/api/v1/query`, siteLabel);
}
