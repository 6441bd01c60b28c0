import type { Tunnel } from "../api/rows";
import { compileIngress, type Rule } from "./ingress";

/**
 * The rules that a connector runs with. A newer configuration is taken over whole, or not at all when it does not parse: then
 * the old one stays (CFD:orchestration/orchestrator.go UpdateConfig). Cloudflare pushes it; here the connector looks
 * when it is asked for anything, so that it is never seen with an old one; of several versions since then only the last counts.
 */
export class ConnectorConfiguration {
  #applied = 0;
  #lastSeen = 0;
  #rules = compileIngress({});

  constructor(private readonly tunnel: Tunnel) {
    this.#update();
  }

  /** As `GET .../connections` shows it: behind the tunnel's own version when that one was refused. */
  get version(): number {
    this.#update();
    return this.#applied;
  }

  /** A request keeps the rules that it started with. */
  get rules(): readonly Rule[] {
    this.#update();
    return this.#rules;
  }

  #update(): void {
    const { version, config } = this.tunnel.configuration;
    if (version === this.#lastSeen || config === null) {
      return;
    }
    this.#lastSeen = version;
    try {
      this.#rules = compileIngress(config);
      this.#applied = version;
    } catch {
      // cloudflared logs it and keeps what it has.
    }
  }
}
