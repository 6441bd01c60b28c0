/** What Cloudflare and the collectors need to know about one kind of pushed data. */
interface SignalDefinition {
  /** How people name it, for descriptions. */
  readonly title: string;
  /** Write paths that the central service accepts; the first one is the endpoint's URL in the outputs. */
  readonly defaultPaths: readonly [string, ...string[]];
  /** Where the service listens on the central host, as cloudflared sees it. */
  readonly defaultOrigin: string;
}

/**
 * Every signal a site can push. A further signal is one more entry.
 *
 * Paths: Prometheus' remote write receiver (`--web.enable-remote-write-receiver`), Loki's push API, and Loki's OTLP
 * endpoint (Loki docs, reference/loki-http-api).
 */
const definitions = {
  metrics: {
    title: "Prometheus remote write",
    defaultPaths: ["/api/v1/write"],
    defaultOrigin: "http://localhost:9090",
  },
  logs: {
    title: "Loki push",
    defaultPaths: ["/loki/api/v1/push", "/otlp/v1/logs"],
    defaultOrigin: "http://localhost:3100",
  },
} as const satisfies Record<string, SignalDefinition>;

export type SignalName = keyof typeof definitions;

export const signals: Readonly<Record<SignalName, SignalDefinition>> = definitions;

/** Signal names in the table's order. */
export const signalNames = Object.keys(definitions) as readonly SignalName[] as readonly [
  SignalName,
  ...SignalName[],
];
