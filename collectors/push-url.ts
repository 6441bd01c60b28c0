import type { SignalName } from "../fleet/signals";
import type { CollectorSite } from "./collector";

interface ProtocolDefinition {
  readonly title: string;
  readonly signal: SignalName;
  /** For the message when no path speaks it. */
  readonly example: string;
}

/** How a push is put on the wire. A signal's write paths may speak different ones. */
const protocols = {
  "remote write": { title: "Prometheus remote write", signal: "metrics", example: "/api/v1/write" },
  "loki push": { title: "Loki's push API", signal: "logs", example: "/loki/api/v1/push" },
  "otlp logs": { title: "OTLP over HTTP", signal: "logs", example: "/otlp/v1/logs" },
} as const satisfies Record<string, ProtocolDefinition>;

export type PushProtocol = keyof typeof protocols;

/** OTLP's path ends the same everywhere (OTLP specification, OTLP/HTTP Request); the others differ from service to service. */
const isOtlp = (path: string): boolean => /\/v1\/(?:logs|metrics|traces)$/.test(path);

/** The whole URL that a site pushes to in this protocol; undefined when the site does not push its signal, or no path speaks it. */
export function pushUrl({ endpoints }: CollectorSite, protocol: PushProtocol): string | undefined {
  const endpoint = endpoints[protocols[protocol].signal];
  const path = endpoint?.paths.find((candidate) => isOtlp(candidate) === (protocol === "otlp logs"));
  return endpoint === undefined || path === undefined ? undefined : `${endpoint.base}${path}`;
}

/** A refusal when the site pushes the protocol's signal but no write path speaks it; afterwards `pushUrl` is only undefined when it does not. */
export function pushUrlRefusals(site: CollectorSite, protocol: PushProtocol): readonly string[] {
  const { title, signal, example } = protocols[protocol];
  const endpoint = site.endpoints[signal];
  return endpoint === undefined || pushUrl(site, protocol) !== undefined
    ? []
    : [
        `endpoints.${signal}.paths: none of ${endpoint.paths.join(" and ")} speaks ${title}. Add a path such as ${example}, or name another collector.`,
      ];
}
