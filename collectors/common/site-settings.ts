import type { Problem } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import type { CollectorSite } from "../collector";

/** How a push is put on the wire. A signal's write paths may speak different ones. */
const protocols = {
  "remote write": { title: "Prometheus remote write", signal: "metrics", example: "/api/v1/write" },
  "loki push": { title: "Loki's push API", signal: "logs", example: "/loki/api/v1/push" },
  "otlp logs": { title: "OTLP over HTTP", signal: "logs", example: "/otlp/v1/logs" },
} as const satisfies Record<string, { title: string; signal: SignalName; example: string }>;

export type PushProtocol = keyof typeof protocols;

/** OTLP's path ends the same everywhere (OTLP specification, OTLP/HTTP Request); the others differ from service to service. */
export const isOtlpPath = (path: string): boolean => /\/v1\/(?:logs|metrics|traces)$/.test(path);

/** The whole URL that a site pushes to in this protocol; undefined when it does not push the signal, or no path speaks it. */
export function pushUrl({ endpoints }: CollectorSite, protocol: PushProtocol): string | undefined {
  const endpoint = endpoints[protocols[protocol].signal];
  const path = endpoint?.paths.find((one) => isOtlpPath(one) === (protocol === "otlp logs"));
  return endpoint === undefined || path === undefined ? undefined : `${endpoint.base}${path}`;
}

/** What is wrong when the site pushes the protocol's signal and no write path speaks it. */
export function pushUrlProblem(site: CollectorSite, protocol: PushProtocol): Problem | undefined {
  const { title, signal, example } = protocols[protocol];
  const endpoint = site.endpoints[signal];
  return endpoint === undefined || pushUrl(site, protocol) !== undefined
    ? undefined
    : {
        subject: `sitepass:endpoints.${signal}.paths`,
        says: `none of ${endpoint.paths.join(" and ")} speaks ${title}`,
        todo: `Add a path such as ${example}, or name another collector`,
      };
}

/**
 * All labels that a site's collector adds: the site label, then the site's own by name, so that their order in the site file
 * changes nothing.
 */
export const siteLabels = (site: CollectorSite): [name: string, value: string][] => [
  [site.siteLabel, site.name],
  ...ownLabels(site),
];

/**
 * The site's own labels, by name. With every collector they give way to a label that data bring under the same name, as
 * Prometheus' external labels do: no two series or streams become one, and nothing that data say is lost.
 */
export const ownLabels = ({ labels }: CollectorSite): [name: string, value: string][] =>
  Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));

/** Where the value of a label that data bring under the site label's name is kept: it must not count as another site's. */
export const keptLabel = ({ siteLabel }: CollectorSite): string => `exported_${siteLabel}`;

/**
 * Rules in Prometheus' relabelling, as Prometheus and Alloy both write it, for the last step, after external labels: the site
 * label is the site's name, whatever a target exposes. Without them a target's own label of that name wins, and its series
 * count as another site's (docs/facts/collectors.md, K6).
 */
export function siteLabelRules(site: CollectorSite) {
  const { siteLabel, name } = site;
  const exported = keptLabel(site);
  return {
    comment: `A target's own label ${siteLabel} would win over the external one: it is kept as ${exported}.`,
    rules: [
      { source_labels: [exported, siteLabel], regex: ";(.+)", target_label: exported },
      { source_labels: [exported], regex: name, target_label: exported, replacement: "" },
      { target_label: siteLabel, replacement: name },
    ],
  };
}
