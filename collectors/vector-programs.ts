import type { CollectorSite } from "./collector";
import { siteLabels } from "./site-labels";
import { vrlText } from "./vrl-text";

/** Puts the site's labels on each metric, in place of its own of these names. In VRL, Vector's language. */
export function tagProgram(site: CollectorSite): string {
  return [
    `if .name == "up" { del(.namespace) }`,
    ...siteLabels(site).map(([name, value]) => `.tags."${name}" = ${vrlText(value)}`),
  ].join("\n");
}

/** Makes of each event a stream of one line for Loki's push API, with the site's labels and no other. In VRL. */
export function lineProgram(site: CollectorSite): string {
  return [
    "line = encode_json(.)",
    `time = to_string(to_unix_timestamp(timestamp(.timestamp) ?? now(), unit: "nanoseconds"))`,
    "labels = {}",
    ...siteLabels(site).map(([name, value]) => `labels."${name}" = ${vrlText(value)}`),
    `. = { "stream": labels, "values": [[time, line]] }`,
  ].join("\n");
}
