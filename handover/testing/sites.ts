import type { Config } from "../../fleet/config";

export const testConfig: Pick<Config, "endpoints" | "siteLabel" | "tenant"> = {
  siteLabel: "provider",
  tenant: "",
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
