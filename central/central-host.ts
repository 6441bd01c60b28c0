import type { StoreWindows } from "../collectors/buffers";
import type { RenderedFile } from "../collectors/collector";
import type { SignalName } from "../fleet/signals";

/**
 * How the central host makes a site write as itself and nobody else.
 *
 * - `label`: the site label of every series and stream is replaced by the name of the site whose token pushed.
 * - `tenant`: a store that has tenants is told the site in X-Scope-OrgID, in place of what the push says. Prometheus has none, and
 *   goes by label.
 * - `off`: the site's own word is taken.
 */
export type Identity = "label" | "tenant" | "off";

/** Where a signal arrives on the central host, and who may push it. */
export interface CentralSignal {
  readonly signal: SignalName;
  /** Its public host name. */
  readonly hostname: string;
  /** The write paths that are let through, as configured. */
  readonly paths: readonly [string, ...string[]];
  /** Audience tags of the Access applications on its paths: what an assertion has to be for. */
  readonly audiences: readonly string[];
  /** Where the tunnel's ingress leads, as configured; `unix:` and a path for the gate. */
  readonly origin: string;
}

/** A site as the gate and the alarms know it. */
export interface CentralSite {
  readonly name: string;
  /** Of its service token; undefined before the `up` that makes it. */
  readonly clientId: string | undefined;
  readonly signals: readonly SignalName[];
  /** Whether it is let in: a site that is shut out is not expected to push. */
  readonly enabled: boolean;
  /** Of several stacks the one that its token is of. A site that is moving from one to the other is there once for each. */
  readonly stack?: string;
  /** The shard that it is moving to. */
  readonly movingTo?: string | undefined;
}

/** One of several stacks whose sites push to one central host. */
export interface CentralStack {
  readonly name: string;
  readonly teamName: string;
  /** As this stack has them. */
  readonly signals: readonly CentralSignal[];
}

/** What one site may send, at the gate, over all its signals together. */
export interface SiteLimits {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** A store of the user's own, which the central host writes to in place of the one it brings. */
export interface OwnStore {
  /** Where its write path is: scheme, host, port and path, such as `http://mimir:8080/api/v1/push`. */
  readonly url: URL;
  /** VictoriaMetrics takes the label from the query by itself (`extra_label`), and needs no vmagent before it. */
  readonly takesExtraLabel: boolean;
}

/** Everything that the central host's files are made from, beside where they will lie. */
export interface CentralHost {
  /** Of several stacks all names, joined by a plus sign. */
  readonly stackName: string;
  /** Each of several stacks, in the order of names; undefined for one, whose team and signals are this host's. */
  readonly stacks?: readonly CentralStack[];
  readonly identity: Identity;
  readonly siteLabel: string;
  /** Zero Trust team name: the issuer is `https://<team>.cloudflareaccess.com`. Empty for several stacks: each has its own. */
  readonly teamName: string;
  /** In the order of the signal table; at least one. Of several stacks: with the paths and audiences of all. */
  readonly signals: readonly CentralSignal[];
  /** In the order of names. */
  readonly sites: readonly CentralSite[];
  readonly limits: SiteLimits;
  /** Days that the stores keep what they were sent. */
  readonly retentionDays: Readonly<Record<SignalName, number>>;
  /** How late data may come from these sites' collectors. */
  readonly windows: StoreWindows;
  /** Stores that stand in place of the ones brought along. */
  readonly ownStores: Readonly<Partial<Record<SignalName, OwnStore>>>;
  /** Who gets alarms by e-mail; empty: nobody. */
  readonly alertEmails: readonly string[];
  /** The server that e-mail is handed to; undefined: none is sent. The password lies beside, see `secrets`. */
  readonly mail: Mail | undefined;
  /** Names of the secrets that are there, of `secretNames`; what needs another is left out of the files. */
  readonly secrets: ReadonlySet<SecretName>;
}

export interface Mail {
  /** `host:port` */
  readonly server: string;
  readonly from: string;
  /** Undefined: it asks for no password. */
  readonly user?: string | undefined;
}

/**
 * What lies under `credentials/`, 0600: the tunnel's token, which comes from the stack; and what a person may put there: the address
 * that the watchdog calls, the one that alarms are posted to, the mail server's password. Grafana's first password is made once.
 */
export const secretNames = [
  "tunnel-token",
  "heartbeat-url",
  "alert-url",
  "mail-password",
  "grafana-password",
] as const;

/** Of several stacks each has a tunnel, and so a token, of its own. */
export type SecretName = (typeof secretNames)[number] | `tunnel-token-${string}`;

/** The programs of a central host. */
export type ProgramName =
  | "cloudflared"
  | "gate"
  | "vmagent"
  | "prometheus"
  | "alloy"
  | "loki"
  | "alertmanager"
  | "grafana"
  | "node-exporter";

/** The ports of each program, where nothing else is said; `http` is where it says that it runs, and shows its metrics. */
export const defaultPorts = {
  cloudflared: { http: 2000 },
  gate: { http: 9471 },
  vmagent: { http: 8429 },
  prometheus: { http: 9090 },
  alloy: { http: 12345, loki: 3500, otlp: 4318 },
  loki: { http: 3100, grpc: 9095 },
  alertmanager: { http: 9093 },
  grafana: { http: 3000 },
  "node-exporter": { http: 9100 },
} as const satisfies Readonly<Record<ProgramName, Readonly<Record<string, number>>>>;

/** Where one program runs: in a container, as a unit of systemd, or in a test, each with paths and addresses of its own. */
export interface Place<Name extends ProgramName = ProgramName> {
  /** The host by which the other programs find it, such as `prometheus` or `127.0.0.1`. */
  readonly host: string;
  /** The address that it binds: `0.0.0.0` where only the other programs can reach it, else loopback. */
  readonly bind: string;
  readonly ports: Readonly<Record<keyof (typeof defaultPorts)[Name], number>>;
  /** Absolute path of the folder of its own rendered files, as it sees it. */
  readonly files: string;
  /** Absolute path of the folder that it keeps its data in, as it sees it. */
  readonly data: string;
}

/** Where everything is. */
export interface Places {
  readonly programs: { readonly [Name in ProgramName]: Place<Name> };
  /** Absolute path of the folder of the gate's sockets, the same for the gate and for cloudflared. */
  readonly run: string;
  /** Absolute path of the folder of secrets, the same for every program that is given one. */
  readonly credentials: string;
  /** Absolute path of the folder of `*.prom` files that node-exporter shows, as it sees it. */
  readonly textfiles: string;
}

/** How a program is started. */
export interface Command {
  /** Name on PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Beside what it inherits; no secrets. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One program of the central host. */
export interface CentralProgram {
  readonly name: ProgramName;
  /** The stack that this one is for, where there is one for each of several; part of the name of its service. */
  readonly stack?: string;
  /** How people write its name. */
  readonly title: string;
  /** Whether this central host runs it. */
  readonly isNeeded: (central: CentralHost) => boolean;
  /** Its files, below a folder of its own name: `prometheus/prometheus.yml` lies in the place's `files` as `prometheus.yml`. */
  readonly files: (central: CentralHost, places: Places) => readonly RenderedFile[];
  readonly command: (central: CentralHost, places: Places) => Command;
  /** Path of an HTTP page on its port `http` that answers 200 when it runs; undefined: it has none. */
  readonly readyPath: string | undefined;
}
