import type { Database } from "cloudflare-standin/api/database";
import { tunnelIdOf } from "cloudflare-standin/edge/dns";
import { startReceiver, type Receiver } from "../pushes/receiver";

/**
 * A receiver for every service that the account's tunnels and DNS records lead to: what is not there yet is started when a
 * rule or record names it.
 */
export class Receivers {
  readonly #running = new Map<string, Receiver>();
  readonly #places = new Map<string, string>();
  #on = true;
  #work: Promise<void> = Promise.resolve();

  constructor(private readonly database: Database) {}

  /** Where each service or address is on this machine; it follows. */
  get places(): ReadonlyMap<string, string> {
    return this.#places;
  }

  /** Starts what is missing; resolves when that is done. */
  follow(): Promise<void> {
    const update = () => this.#update();
    // What failed once, its caller was told.
    this.#work = this.#work.then(update, update);
    return this.#work;
  }

  /** Off: as if the services were stopped. What they have received is gone then. */
  turn(on: boolean): Promise<void> {
    this.#on = on;
    return this.follow();
  }

  close(): Promise<void> {
    return this.turn(false);
  }

  /** Forgets what was received, so that a sandbox that runs for days does not grow. */
  forget(): void {
    for (const receiver of this.#running.values()) {
      receiver.clear();
    }
  }

  async #update(): Promise<void> {
    if (!this.#on) {
      // The places stay: nobody listens there any more.
      await Promise.all([...this.#running.values()].map((receiver) => receiver.close()));
      this.#running.clear();
      return;
    }
    for (const service of servicesIn(this.database)) {
      if (!this.#running.has(service)) {
        const receiver = await startReceiver();
        this.#running.set(service, receiver);
        this.#places.set(service, receiver.url);
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
