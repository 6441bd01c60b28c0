import fc from "fast-check";
import type { CollectorSite, Placement } from "../collector";
import type { RelayInput } from "../relay/relay";

/** A site as most are: both signals, two labels. */
export const tokyo: CollectorSite = {
  name: "tokyo",
  siteLabel: "provider",
  labels: { region: "apac", kind: "rack" },
  endpoints: {
    metrics: { base: "https://prom.example.com", paths: ["/api/v1/write"] },
    logs: { base: "https://loki.example.com", paths: ["/loki/api/v1/push", "/otlp/v1/logs"] },
  },
};

/** The same site behind the relay. */
export const tokyoBehindRelay: CollectorSite = {
  ...tokyo,
  endpoints: {
    metrics: { base: "http://127.0.0.1:9480/metrics", paths: ["/api/v1/write"] },
    logs: { base: "http://127.0.0.1:9480/logs", paths: ["/loki/api/v1/push", "/otlp/v1/logs"] },
  },
};

export const testCredentials = {
  clientId: "88bf3b6d86161464f6509f7219099e57.access",
  clientSecret: "cfast_0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3d4",
};

export const bare: Placement = { directory: "/etc/sitepass", credentials: testCredentials };

export const behindRelay: Placement = { directory: "/etc/sitepass", credentials: undefined };

/** A relay for metrics, at the public host. */
export const metricsRelay: RelayInput = {
  endpoints: {
    metrics: { hostname: "prom.example.com", base: "https://prom.example.com", paths: ["/api/v1/write"] },
  },
  credentials: testCredentials,
  directory: "/etc/sitepass",
  port: 9480,
};

/** The same for both signals, logs on two paths. */
export const fullRelay: RelayInput = {
  ...metricsRelay,
  endpoints: {
    ...metricsRelay.endpoints,
    logs: {
      hostname: "loki.example.com",
      base: "https://loki.example.com",
      paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
    },
  },
};

/** Pieces that break out of quotes, comments, templates and expansions when they are written carelessly. */
const hostilePieces = [
  '"', "'", "`", "\\", "\\n", "$", "$$", "${HOME}", "${file:/etc/passwd}", "${env:HOME}", "%", "%%", "%{HOME}", "%h", "#", " # x",
  "\n", "\r\n", "\t", ": ", "- ", "{{ . }}", "{", "}", "[", "]", ",", "=", ";", "@{cf:client_id}", "SECRET[cf.client_id]", "!!int 1", "&a", "*a",
  "|", ">", "~", "null", "true", "1e3", "0x1f", "é", "東京", "🗼", "\u2028", "\u00a0", "</x>", "''", '"""', "'''", "^^", "--", "//", "/*",
] as const; // prettier-ignore

/** Label values: hostile pieces among plain text; never empty, because an empty label is none. */
export const labelValues = fc
  .array(fc.oneof(fc.constantFrom(...hostilePieces), fc.string({ unit: "grapheme", maxLength: 8 })), {
    minLength: 1,
    maxLength: 6,
  })
  .map((pieces) => pieces.join(""))
  // The site schema lets no zero byte and no empty text through, and no collector keeps them.
  .filter((value) => value !== "" && !value.includes("\0"));

const labelNames = fc
  .stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,12}$/)
  .filter((name) => !name.startsWith("__") && name !== "provider" && name !== "site");

/** Any site that the site schema and the configuration let through, and label values even beyond that. */
export const anySite: fc.Arbitrary<CollectorSite> = fc
  .record({
    name: fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/),
    siteLabel: fc.constantFrom("provider", "site"),
    labels: fc.dictionary(labelNames, labelValues, { maxKeys: 4, noNullPrototype: true }),
    signals: fc.constantFrom(["metrics"] as const, ["logs"] as const, ["metrics", "logs"] as const),
    base: fc.constantFrom(
      { metrics: "https://prom.example.com", logs: "https://loki.example.com" },
      { metrics: "http://127.0.0.1:9480/metrics", logs: "http://127.0.0.1:9480/logs" },
    ),
    metricsPath: fc.constantFrom("/api/v1/write", "/prometheus/api/v1/write"),
    logsPath: fc.constantFrom("/loki/api/v1/push", "/tenant-a/loki/api/v1/push"),
  })
  .map(({ name, siteLabel, labels, signals, base, metricsPath, logsPath }) => ({
    name,
    siteLabel,
    labels,
    endpoints: Object.fromEntries(
      signals.map((signal) => [
        signal,
        signal === "metrics"
          ? { base: base.metrics, paths: [metricsPath] as const }
          : { base: base.logs, paths: [logsPath, "/otlp/v1/logs"] as const },
      ]),
    ),
  }));

/** Bare, or behind the relay; together with any site. */
export const anyPlacement: fc.Arbitrary<Placement> = fc.constantFrom(bare, behindRelay);

/** Fifty labels of all kinds, the same in every run, to be shown to a real program at once. */
export const hostileLabels: Readonly<Record<string, string>> = Object.fromEntries(
  fc.sample(labelValues, { numRuns: 50, seed: 5 }).map((value, index) => [`label_${index}`, value]),
);
