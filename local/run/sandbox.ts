import { startStandIn, type StandIn, type StandInOptions } from "cloudflare-standin";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { CentralHost } from "./central-host";

export interface SandboxOptions extends Omit<StandInOptions, "onChange" | "switches" | "now"> {
  /** Where the edge listens. Default 0: any free port. */
  readonly edgePort?: number;
}

/** Cloudflare and a central host on this machine: API, data path, connector, services. */
export interface Sandbox {
  readonly standIn: StandIn;
  readonly edge: Edge;
  close(): Promise<void>;
}

/** How often what nobody reads here is forgotten: answered requests, and what the receivers hold. */
const forgetMilliseconds = 60_000;

/**
 * Starts a stand-in for Cloudflare's API together with the way that pushes take. It follows what the API makes: a connector
 * for each tunnel, a receiver for each service. `POST /__standin/switches` stops and starts `connector` and `origins`.
 *
 * Throws as startStandIn does, and when the edge's port is taken.
 */
export async function startSandbox({ edgePort = 0, ...options }: SandboxOptions): Promise<Sandbox> {
  // A request may come before all is ready; the central host then looks at the database when it is started.
  const ready: { central?: CentralHost } = {};
  const standIn = await startStandIn({
    ...options,
    onChange: () => {
      ready.central?.follow().catch(console.error);
    },
    switches: {
      connector: async (on) => ready.central?.connectors.turn(on),
      origins: async (on) => ready.central?.receivers.turn(on),
    },
  });
  const { database } = standIn;
  const central = new CentralHost(database);
  let edge: Edge;
  try {
    edge = await startEdge({ database, addresses: central.receivers.places, port: edgePort });
  } catch (error) {
    await standIn.close();
    throw error;
  }
  ready.central = central;
  await central.follow();
  const forgetting = setInterval(() => {
    edge.clear();
    standIn.clearRequests();
    central.receivers.forget();
  }, forgetMilliseconds).unref();
  return {
    standIn,
    edge,
    close: async () => {
      clearInterval(forgetting);
      await central.connectors.close();
      await edge.close();
      await central.receivers.close();
      await standIn.close();
    },
  };
}
