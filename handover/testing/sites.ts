import type { Config } from "../../fleet/config";
import type { Site } from "../../fleet/sites";

export const testConfig: Pick<Config, "endpoints" | "siteLabel"> = {
  siteLabel: "provider",
  endpoints: [
    { signal: "metrics", hostname: "prom.example.com", paths: ["/api/v1/write"], origin: "" },
    {
      signal: "logs",
      hostname: "loki.example.com",
      paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
      origin: "",
    },
  ],
};

/** A site that pushes metrics, and was never rotated. */
export const testSite = (name: string): Site => ({
  name,
  file: `sites/${name}.yaml`,
  description: undefined,
  signals: ["metrics"],
  labels: {},
  token: { duration: "8760h", enabled: true, secretVersion: 1, previousSecretExpiresAt: undefined },
  collector: undefined,
});
