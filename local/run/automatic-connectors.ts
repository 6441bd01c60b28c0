import type { Database } from "cloudflare-standin/api/database";
import { isLive, tunnelToken } from "cloudflare-standin/api/tunnels";
import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";

/** How long cloudflared takes to come back when its connections were deleted. That it does is facts/cloudflare.md §7; the time is made up [gap]. */
const reconnectMilliseconds = 1000;

/**
 * Runs a connector for every tunnel of the account that is not deleted, as a person would on the central host: one
 * is started when a tunnel is made, and ends when its tunnel is gone. Cloudflare, and so the stand-in, refuses to delete a
 * tunnel while its connector is up; turn the connectors off first.
 */
export class AutomaticConnectors {
  readonly #running = new Map<string, Connector>();
  #on = true;
  #work: Promise<void> = Promise.resolve();
  #reconnecting: NodeJS.Timeout | undefined;

  /** @param services where the services of the tunnels' rules are, by their address in the rule. */
  constructor(
    private readonly database: Database,
    private readonly services: ReadonlyMap<string, string>,
  ) {}

  /** Starts and ends connectors by what the database holds; resolves when that is done. */
  follow(): Promise<void> {
    const update = () => this.#update();
    // What failed once, its caller was told.
    this.#work = this.#work.then(update, update);
    return this.#work;
  }

  /** Off: as if cloudflared were stopped. */
  turn(on: boolean): Promise<void> {
    this.#on = on;
    return this.follow();
  }

  async close(): Promise<void> {
    await this.turn(false);
    clearTimeout(this.#reconnecting);
  }

  async #update(): Promise<void> {
    const { database, services } = this;
    const wanted = this.#on ? [...database.tunnels.values()].filter(isLive) : [];
    for (const [id, connector] of this.#running) {
      if (!wanted.some((tunnel) => tunnel.id === id)) {
        this.#running.delete(id);
        await connector.close();
      }
    }
    for (const tunnel of wanted) {
      const running = this.#running.get(tunnel.id);
      if (running === undefined) {
        const token = tunnelToken(tunnel, database);
        this.#running.set(tunnel.id, await startConnector({ database, tunnelToken: token, services }));
      } else if (!tunnel.connections.some(({ id }) => id === running.id)) {
        this.#running.delete(tunnel.id);
        await running.close();
        clearTimeout(this.#reconnecting);
        this.#reconnecting = setTimeout(() => {
          this.follow().catch(console.error);
        }, reconnectMilliseconds).unref();
      }
    }
  }
}
