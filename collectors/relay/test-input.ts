import { testCredentials } from "../test-sites";
import type { RelayInput } from "./relay";

/** For tests: a relay for metrics, at the public host. */
export const metricsRelay: RelayInput = {
  endpoints: {
    metrics: {
      hostname: "prom.example.com",
      base: "https://prom.example.com",
      paths: ["/api/v1/write"],
    },
  },
  credentials: testCredentials,
  directory: "/etc/sitepass",
  port: 9480,
};

/** For tests: the same for both signals, logs on two paths. */
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
