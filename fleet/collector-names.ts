/** The collectors that a site can run; each has its file in collectors/. */
export const collectorNames = [
  "prometheus",
  "promtail",
  "alloy",
  "otelcol",
  "vmagent",
  "vector",
  "fluent-bit",
  "telegraf",
] as const;
