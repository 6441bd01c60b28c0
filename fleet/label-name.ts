/**
 * What is wrong with a label name, or undefined when Prometheus and Loki both take it.
 * Names that begin with two underscores are reserved (prometheus.io/docs/concepts/data_model; Loki uses the same rules).
 */
export function labelNameProblem(name: string): string | undefined {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
    return "is no label name that Prometheus and Loki accept: letters, digits and underscores, no digit first. Rename it";
  }
  return name.startsWith("__") ? "begins with __, which Prometheus reserves. Rename it" : undefined;
}
