import type { CollectorName, CollectorRelease } from "../collectors/collector";
import type { RelayName } from "../collectors/relay/relay";

export interface RenderOptions {
  readonly sites: readonly string[];
  readonly all: boolean;
  /** In place of what the site files name. */
  readonly collector?: CollectorName;
  readonly release?: string;
  readonly mode: CollectorRelease["mode"];
  readonly relay?: RelayName;
  readonly relayPort: number;
  readonly out: string;
  readonly installDir: string;
  /** Recipients; empty: folders are written. */
  readonly bundle: readonly string[];
  readonly check: boolean;
  readonly json: boolean;
}
