import type { Database } from "cloudflare-standin/api/database";
import { AutomaticConnectors } from "./automatic-connectors";
import { Receivers } from "./receivers";

/** The machine behind the tunnel, or behind the addresses: what a person would run there. */
export class CentralHost {
  readonly receivers: Receivers;
  readonly connectors: AutomaticConnectors;

  constructor(database: Database) {
    this.receivers = new Receivers(database);
    this.connectors = new AutomaticConnectors(database, this.receivers.places);
  }

  /** The services first: a connector that is up is asked at once. */
  async follow(): Promise<void> {
    await this.receivers.follow();
    await this.connectors.follow();
  }
}
