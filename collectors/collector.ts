import type { collectorNames } from "../fleet/collector-names";
import type { Problem } from "../fleet/problem";
import type { SignalName } from "../fleet/signals";

export type CollectorName = (typeof collectorNames)[number];

/** Where one signal is pushed: the public host, or the relay on the site's own machine. */
export interface CollectorEndpoint {
  /** Scheme and authority, behind the relay with a path that tells the signals apart; no slash at the end. */
  readonly base: string;
  /** Write paths that the central service accepts, as configured; a push goes to `base` followed by one of them. */
  readonly paths: readonly [string, ...string[]];
}

/** What a collector's files are made from. */
export interface CollectorSite {
  /** The site's identity, and the value of the site label: letters, digits and dashes. */
  readonly name: string;
  /** Name of the label that carries `name`. */
  readonly siteLabel: string;
  /** The site's own labels; never holds `siteLabel`. Values are any text. */
  readonly labels: Readonly<Record<string, string>>;
  /** Address of the HTTP proxy through which the collector itself pushes; never behind the relay, which then does. */
  readonly proxy?: string;
  /** Named by every push in X-Scope-OrgID; undefined where the central services have no tenants. */
  readonly tenant?: string | undefined;
  /** The signals that the site may push; at least one. */
  readonly endpoints: Readonly<Partial<Record<SignalName, CollectorEndpoint>>>;
}

/** A site's service token. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Where the files will lie on the site's machine, and who holds the secret there: the collector, or the relay before it. */
export interface Placement {
  /** Absolute path of the folder that the rendered files are installed to, such as `/etc/sitepass`. */
  readonly directory: string;
  /** Undefined behind the relay. */
  readonly credentials: Credentials | undefined;
}

/** Which release of the collector the files are for, and how it runs. */
export interface CollectorRelease {
  /** Such as `2.42.0`; each collector's default is the newest that its file was written for. */
  readonly version: string;
  /** Prometheus alone: a whole server, or its agent mode, which only forwards. */
  readonly mode: "server" | "agent";
}

export interface RenderedFile {
  /** Relative to the placement's folder, with forward slashes. */
  readonly path: string;
  /** 0600 exactly for files that hold a secret; these lie in a folder named `credentials`. */
  readonly mode: 0o600 | 0o644;
  readonly content: string;
}

/** How a site's person runs the collector's own validator, and starts the collector. */
export interface CollectorService {
  /** The systemd unit that the collector's packages install, without `.service`. */
  readonly unit: string;
  /** The user that the unit runs as: who must be able to read the files. */
  readonly user: string;
  /** The program that checks the files, and its arguments. */
  readonly validator: { readonly program: string; readonly args: readonly string[] };
  /** Whether the collector takes a replaced secret from its file by itself; if not, the unit is restarted after a rotation. */
  readonly rereadsSecrets: boolean;
}

/** What is made from a site, where its files lie, and the collector's release; without looking at anything else. */
type Made<T> = (site: CollectorSite, placement: Placement, release: CollectorRelease) => T;

/** One collector that can run at a site. */
export interface Collector {
  readonly name: CollectorName;
  /** How people write its name. */
  readonly title: string;
  /** What it can push. */
  readonly signals: readonly SignalName[];
  /** The release that files are rendered for when none is named. */
  readonly defaultVersion: string;
  /** Why this site cannot be rendered; empty when it can. `render` is only called when there are none. */
  readonly refusals: Made<readonly Problem[]>;
  /** What the collector cannot do, each with the way out, for the README and for whoever renders: whole sentences. */
  readonly notes: Made<readonly string[]>;
  /** Signals of the site that the collector cannot push are left out. */
  readonly render: Made<readonly RenderedFile[]>;
  readonly service: (placement: Placement, release: CollectorRelease) => CollectorService;
}
