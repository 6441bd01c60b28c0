import { Config } from "@pulumi/pulumi";
import { hostNameOf } from "./host-names";
import { listIn, textIn, valueIn } from "./properties";

/** What the rules know of pushes beside the resources themselves. */
export interface Settings {
  /** Host names that are push hosts by the stack's configuration. */
  readonly hosts: readonly string[];
  /** Paths that are written to by pushes, without a slash at the end. */
  readonly writePaths: readonly string[];
}

/**
 * Where Prometheus, Loki and Mimir take pushes, and OpenTelemetry at each of them. A path that ends in one of these is a write
 * path too, such as /prometheus/api/v1/write.
 */
const knownWritePaths = [
  "/api/v1/write",
  "/api/v1/push",
  "/loki/api/v1/push",
  "/otlp/v1/logs",
  "/otlp/v1/metrics",
];

/**
 * Reads the stack's own configuration: sitepass' endpoints, and for programs of others `sitepass-policy:hosts` and
 * `sitepass-policy:writePaths`, lists of text.
 */
export function readSettings(): Settings {
  const endpoints: unknown = new Config("sitepass").getObject("endpoints");
  const own = new Config("sitepass-policy");
  return settingsFrom(endpoints, own.getObject("hosts"), own.getObject("writePaths"));
}

export function settingsFrom(endpoints?: unknown, hosts?: unknown, writePaths?: unknown): Settings {
  const signals = typeof endpoints === "object" && endpoints !== null ? Object.keys(endpoints) : [];
  const ofSignals = signals.map((signal) => valueIn(endpoints, signal));
  return {
    hosts: [...ofSignals.map((endpoint) => textIn(endpoint, "hostname")), ...textsOf(hosts)].flatMap(
      (host) => (host === undefined ? [] : [hostNameOf(host)]),
    ),
    writePaths: [
      ...knownWritePaths,
      ...[
        ...ofSignals.flatMap((endpoint) => textsOf(valueIn(endpoint, "paths"))),
        ...textsOf(writePaths),
      ].map((path) => path.replace(/\/+$/, "")),
    ].filter((path) => path !== ""),
  };
}

const textsOf = (list: unknown): readonly string[] =>
  listIn(list).filter((one): one is string => typeof one === "string");
