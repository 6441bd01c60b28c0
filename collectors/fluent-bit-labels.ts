import type { CollectorSite } from "./collector";

/**
 * Label values that Fluent Bit cannot be given: its syntax for lists and variables has no escapes (src/flb_env.c,
 * src/flb_slist.c, plugins/out_loki/loki.c).
 */
export function fluentBitLabelRefusals({ labels, endpoints }: CollectorSite): readonly string[] {
  return Object.entries(labels).flatMap(([name, value]) => {
    const problem = labelProblem(value, endpoints.logs !== undefined);
    return problem === undefined
      ? []
      : [
          `labels.${name}: is ${JSON.stringify(value)}, which ${problem}. Change it, or name another collector.`,
        ];
  });
}

function labelProblem(value: string, withLogs: boolean): string | undefined {
  if (value.includes("${")) {
    return "Fluent Bit would take for a variable at ${";
  }
  if (value.startsWith(" ")) {
    return "Fluent Bit would send without the space at its beginning";
  }
  if (!withLogs) {
    return undefined;
  }
  if (value.startsWith("$")) {
    return "Fluent Bit would take for the name of a field";
  }
  if (value.includes(",")) {
    return "Fluent Bit would cut at the comma";
  }
  return value.endsWith(" ") ? "Fluent Bit would send without the space at its end" : undefined;
}
