import type { SignalName } from "../../fleet/signals";
import type { CentralHost, CentralSignal, Places } from "../central-host";

/** Where pushes on some of a signal's paths go, and how the store behind is told who pushed. */
export interface Destination {
  /** Of its backend, and so of its metrics. */
  readonly name: string;
  /** The configured paths that lead here; at least one. */
  readonly paths: readonly string[];
  /** Scheme, host, port, path and query of the store's own write path. */
  readonly url: URL;
  /** The query's `extra_label`, or the tenant in X-Scope-OrgID. */
  readonly tells: "label" | "tenant";
  /** Whether what stands there takes remote write 2.0. vmagent answers it with 204 and takes nothing. */
  readonly takesRemoteWrite2: boolean;
  /**
   * A page of the store behind what stands there, where that keeps in memory alone what it took: Alloy would lose it, and the site still
   * has it. vmagent keeps it on disk, for longer than many collectors could.
   */
  readonly onlyWhile?: URL;
}

/** How OTLP over HTTP ends its paths (OTLP specification, "OTLP/HTTP Request"). */
const otlpEnd: Readonly<Record<SignalName, string>> = { metrics: "/v1/metrics", logs: "/v1/logs" };

/** Where the pushes of one signal go; at most one destination for its own protocol, and one for OTLP. */
export function destinationsOf(central: CentralHost, places: Places, signal: CentralSignal): Destination[] {
  const isOtlp = (path: string): boolean => path.endsWith(otlpEnd[signal.signal]);
  const { plain, otlp } =
    signal.signal === "metrics" ? metricsDestinations(central, places) : logsDestinations(central, places);
  return [
    { ...plain, name: signal.signal === "metrics" ? "metrics_remote_write" : "logs_push" },
    { ...otlp, name: `${signal.signal}_otlp` },
  ]
    .map((destination, index) => ({
      ...destination,
      paths: signal.paths.filter((path) => isOtlp(path) === (index === 1)),
    }))
    .filter(({ paths }) => paths.length > 0);
}

interface Pair {
  readonly plain: Omit<Destination, "name" | "paths">;
  readonly otlp: Omit<Destination, "name" | "paths">;
}

function metricsDestinations({ identity, ownStores }: CentralHost, places: Places): Pair {
  const own = ownStores.metrics;
  if (own !== undefined && (identity === "tenant" || own.takesExtraLabel)) {
    // A VictoriaMetrics does not look at X-Scope-OrgID: told by that alone, it would believe whatever a site says of itself.
    const tells = own.takesExtraLabel ? "label" : "tenant";
    // VictoriaMetrics reads 1.0 only, as vmagent does.
    const takesRemoteWrite2 = !own.takesExtraLabel;
    return {
      plain: { url: own.url, tells, takesRemoteWrite2 },
      otlp: {
        url: own.takesExtraLabel
          ? sibling(own.url, /\/api\/v1\/(?:write|push)$/, "/opentelemetry/v1/metrics")
          : sibling(own.url, /\/api\/v1\/(?:push|receive|write)$/, "/otlp/v1/metrics"),
        tells,
        takesRemoteWrite2,
      },
    };
  }
  const { host, ports } = places.programs.vmagent;
  const vmagent = (path: string): Pair["plain"] => ({
    url: new URL(path, `http://${host}:${ports.http}`),
    tells: "label",
    takesRemoteWrite2: false,
  });
  return { plain: vmagent("/api/v1/write"), otlp: vmagent("/opentelemetry/v1/metrics") };
}

function logsDestinations({ identity, ownStores }: CentralHost, places: Places): Pair {
  const tenant = (url: URL): Pair["plain"] => ({ url, tells: "tenant", takesRemoteWrite2: true });
  if (identity === "tenant") {
    const { host, ports } = places.programs.loki;
    const push = ownStores.logs?.url ?? new URL("/loki/api/v1/push", `http://${host}:${ports.http}`);
    return { plain: tenant(push), otlp: tenant(sibling(push, /\/loki\/api\/v1\/push$/, "/otlp/v1/logs")) };
  }
  // Alloy takes the site from the tenant, writes it into the label, and names no tenant to Loki.
  const { alloy, loki } = places.programs;
  const onlyWhile =
    ownStores.logs === undefined
      ? { onlyWhile: new URL("/ready", `http://${loki.host}:${loki.ports.http}`) }
      : {};
  return {
    plain: {
      ...tenant(new URL("/loki/api/v1/push", `http://${alloy.host}:${alloy.ports.loki}`)),
      ...onlyWhile,
    },
    otlp: { ...tenant(new URL("/v1/logs", `http://${alloy.host}:${alloy.ports.otlp}`)), ...onlyWhile },
  };
}

/** Another path of the store that a URL belongs to. */
function sibling(url: URL, end: RegExp, replacement: string): URL {
  const other = new URL(url);
  other.pathname = url.pathname.replace(end, "").replace(/\/$/, "") + replacement;
  return other;
}
