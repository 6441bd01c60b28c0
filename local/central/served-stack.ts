import type { SignalName } from "../../fleet/signals";
import { orThrow } from "../../fleet/problem";
import type { StandIn } from "cloudflare-standin";
import type { Edge } from "cloudflare-standin/edge/edge";
import { startConnector } from "cloudflare-standin/edge/tunnel/connector";
import { refreshAccessKeys } from "../../central/gate/access-keys";
import type { CentralHost } from "../../central/central-host";
import { readCentralHost } from "../../central/read-central-host";
import { openStack } from "../../stack/open-stack";
import { stateFileReader } from "../../stack/state-file-reader";
import { countedBy, queryByLabel } from "../run/origins";
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
    orThrow(await refreshAccessKeys(home, run, central.teamName, { url, textfiles }));
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

function stored(
  signal: SignalName,
  selector: string,
  { identity, siteLabel, sites }: CentralHost,
  host: RunningHost,
): Promise<ReadonlyMap<string, number>> {
  if (signal === "metrics") {
    const url = `${host.url("prometheus")}/api/v1/query`;
    return queryByLabel(url, siteLabel, countedBy(siteLabel, selector));
  }
  const label = identity === "tenant" ? "__tenant_id__" : siteLabel;
  const tenants = sites.map(({ name }) => name).join("|");
  const headers = identity === "tenant" ? { "X-Scope-OrgID": tenants } : undefined;
  return queryByLabel(`${host.url("loki")}/loki/api/v1/query`, label, countedBy(label, selector), headers);
}
