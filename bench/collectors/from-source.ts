import { collectors } from "../../collectors/collectors";
import type { CollectorName } from "../../collectors/collector";
import type { SignalName } from "../../fleet/signals";
import { caseNames, type CaseName, type Measured } from "./results";

/** A collector that no registry has, and what it does with the rendered files by its source. */
interface FromSource {
  readonly collector: CollectorName;
  readonly signal: SignalName;
  /** Cases in which data is thrown away, and said to be; in all others it is sent again. None by default. */
  readonly dropped?: readonly CaseName[];
  /** Goes on with a new secret only after a restart or reload. */
  readonly readsSecretOnce?: true;
  /** Where it stands, at the rendered release. */
  readonly source: string;
}

const finalAnswers = ["login-page redirect", "401", "403"] as const satisfies readonly CaseName[];

const entries: readonly FromSource[] = [
  {
    collector: "alloy",
    signal: "metrics",
    dropped: finalAnswers,
    source:
      "the queue is Prometheus' own (storage/remote/queue_manager.go, client.go); secrets: internal/component/local/file",
  },
  {
    collector: "alloy",
    signal: "logs",
    dropped: finalAnswers,
    source: "internal/component/common/loki/client/shards.go; retries without end: dskit backoff/backoff.go",
  },
  {
    collector: "promtail",
    signal: "logs",
    dropped: finalAnswers,
    source: "clients/pkg/promtail/client/client.go; headers from files: prometheus/common config/headers.go",
  },
  {
    collector: "vector",
    signal: "metrics",
    readsSecretOnce: true,
    source:
      "src/sinks/util/http.rs, the retry strategy as src/sinks/prometheus/remote_write uses it; src/secrets",
  },
  {
    collector: "vector",
    signal: "logs",
    readsSecretOnce: true,
    source: "src/sinks/http with the same retry strategy",
  },
  {
    collector: "fluent-bit",
    signal: "metrics",
    readsSecretOnce: true,
    source: "plugins/out_prometheus_remote_write/remote_write.c; src/flb_env.c",
  },
  {
    collector: "fluent-bit",
    signal: "logs",
    readsSecretOnce: true,
    source: "plugins/out_loki/loki.c",
  },
];

/** A row of the table like a measured one, but for what nobody counted. */
export type ReadRow = Omit<Measured, "lost"> & { readonly source: string };

export const fromSource: readonly ReadRow[] = entries.flatMap(
  ({ collector, signal, dropped = [], readsSecretOnce = false, source }) =>
    [false, true].flatMap((relayed) =>
      caseNames.map((what) => ({
        title: `${collectors[collector].title} ${collectors[collector].defaultVersion}`,
        signal,
        relayed,
        what,
        outcome: !relayed && dropped.includes(what) ? ("drop" as const) : ("retry" as const),
        leaked: false,
        restarted: !relayed && what === "rotation" && readsSecretOnce,
        source,
      })),
    ),
);
