import { startStandIn, type StandIn, type StandInOptions } from "cloudflare-standin";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { parseConfig, type Config } from "../../fleet/config";
import { orThrow } from "../../fleet/problem";
import type { Database, ZoneOption } from "cloudflare-standin/api/database";
import { isLive, tunnelToken } from "cloudflare-standin/api/tunnels";
import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";
import { tunnelIdOf } from "cloudflare-standin/edge/dns";
import { startReceiver, type Receiver } from "../pushes/receiver";
import { readStackConfig } from "../../stack/stack-config";

export interface SandboxOptions extends Omit<StandInOptions, "onChange" | "switches" | "now"> {
  /** Where the edge listens. Default 0: any free port. */
  readonly edgePort?: number;
}

/** Cloudflare and a central host on this machine: API, data path, connectors, services. */
export interface Sandbox {
  readonly standIn: StandIn;
  readonly edge: Edge;
  /** Forgets requests that were answered and pushes that were received, which otherwise are kept for whoever reads them. */
  forget(): void;
  close(): Promise<void>;
}

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
      connector: async (on) => ready.central?.turn({ connectors: on }),
      origins: async (on) => ready.central?.turn({ services: on }),
    },
  });
  const { database } = standIn;
  const central = new CentralHost(database);
  let edge: Edge;
  try {
    edge = await startEdge({ database, addresses: central.addresses, port: edgePort });
  } catch (error) {
    await standIn.close();
    throw error;
  }
  ready.central = central;
  await central.follow();
  return {
    standIn,
    edge,
    forget: () => {
      edge.clear();
      standIn.clearRequests();
      central.forget();
    },
    close: async () => {
      await central.turn({ connectors: false });
      await edge.close();
      await central.turn({ services: false });
      await standIn.close();
    },
  };
}

/** How long a connector waits when its connections were deleted. How long cloudflared does is not known (docs/facts/edge.md, E50). */
const reconnectMilliseconds = 1000;

/**
 * The machine behind the tunnel, or behind the addresses: what a person would run there. There is a receiver for every service
 * that the account's tunnels and DNS records lead to, and a connector for every tunnel that is not deleted. Cloudflare, and so
 * the stand-in, refuses to delete a tunnel while its connector is up: turn the connectors off first.
 */
class CentralHost {
  readonly #database: Database;
  readonly #receivers = new Map<string, Receiver>();
  readonly #connectors = new Map<string, Connector>();
  readonly #addresses = new Map<string, string>();
  readonly #on = { services: true, connectors: true };
  #work: Promise<void> = Promise.resolve();
  #reconnecting: NodeJS.Timeout | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Where each service is on this machine, by its address in a rule or record. */
  get addresses(): ReadonlyMap<string, string> {
    return this.#addresses;
  }

  /** Starts and ends connectors and services by what the database holds; resolves when that is done. */
  follow(): Promise<void> {
    // The services first: a connector that is up is asked at once.
    const update = () => this.#updateServices().then(() => this.#updateConnectors());
    // A failure was reported to whoever asked for that update.
    this.#work = this.#work.then(update, update);
    return this.#work;
  }

  /** Stops or starts the services or the connectors. Services that are stopped lose what they have received. */
  turn(on: { readonly services?: boolean; readonly connectors?: boolean }): Promise<void> {
    Object.assign(this.#on, on);
    return this.follow();
  }

  /** Forgets what was received. */
  forget(): void {
    for (const receiver of this.#receivers.values()) {
      receiver.clear();
    }
  }

  async #updateServices(): Promise<void> {
    if (!this.#on.services) {
      // The addresses stay, and nobody listens there any more.
      await Promise.all([...this.#receivers.values()].map((receiver) => receiver.close()));
      this.#receivers.clear();
      return;
    }
    for (const service of servicesIn(this.#database)) {
      if (!this.#receivers.has(service)) {
        const receiver = await startReceiver();
        this.#receivers.set(service, receiver);
        this.#addresses.set(service, receiver.url);
      }
    }
  }

  async #updateConnectors(): Promise<void> {
    const database = this.#database;
    const wanted = this.#on.connectors ? [...database.tunnels.values()].filter(isLive) : [];
    if (!this.#on.connectors) {
      clearTimeout(this.#reconnecting);
    }
    for (const [id, connector] of this.#connectors) {
      if (!wanted.some((tunnel) => tunnel.id === id)) {
        this.#connectors.delete(id);
        await connector.close();
      }
    }
    for (const tunnel of wanted) {
      const running = this.#connectors.get(tunnel.id);
      if (running === undefined) {
        const connector = await startConnector({
          database,
          tunnelToken: tunnelToken(tunnel, database),
          services: this.#addresses,
        });
        this.#connectors.set(tunnel.id, connector);
      } else if (!tunnel.connections.some(({ id }) => id === running.id)) {
        this.#connectors.delete(tunnel.id);
        await running.close();
        clearTimeout(this.#reconnecting);
        this.#reconnecting = setTimeout(() => {
          this.follow().catch(console.error);
        }, reconnectMilliseconds).unref();
      }
    }
  }
}

/** Services of ingress rules, and addresses of records that lead to no tunnel. */
function servicesIn({ tunnels, dnsRecords }: Database): ReadonlySet<string> {
  const rules = [...tunnels.values()].flatMap(({ configuration }) => configuration.config?.ingress ?? []);
  const records = [...dnsRecords.values()].filter((record) => tunnelIdOf(record) === undefined);
  return new Set([
    ...rules.map(({ service }) => service).filter((service) => !service.startsWith("http_status:")),
    ...records.map(({ content }) => content),
  ]);
}

/** The account that a stack's configuration speaks of, for the stand-in to have. */
export interface ConfiguredAccount {
  readonly config: Config;
  readonly accountId: string;
  readonly teamName: string;
  readonly zones: readonly ZoneOption[];
}

/**
 * Reads which account, team and zone a stack expects, so that the stand-in answers to its configuration as it is.
 *
 * @throws UserError with everything that is wrong with the configuration.
 */
export function accountOfStack(directory: string, stack: string): ConfiguredAccount {
  const { values } = readStackConfig(directory, stack, {});
  const config = orThrow(parseConfig(values));
  const { accountId, teamName, zone, endpoints } = config;
  // A zone given by its ID has no name in the configuration; every push host lies directly below it.
  const belowHost = endpoints[0]?.hostname.split(".").slice(1).join(".") ?? "example.com";
  return {
    config,
    accountId,
    teamName: teamName === "" ? "example-team" : teamName,
    zones: ["id" in zone ? { name: belowHost, id: zone.id } : { name: zone.name }],
  };
}
