import { storeWindows } from "../../collectors/buffers";
import { orThrow } from "../../fleet/problem";
import { joinHosts } from "../several-stacks";
import type { CentralHost } from "../central-host";

/** A central host of three sites, one of them shut out, as tests render it; what a test is about, it says. */
export const exampleHost = (changes: Partial<CentralHost> = {}): CentralHost => ({
  stackName: "prod",
  identity: "label",
  siteLabel: "provider",
  teamName: "example-team",
  signals: [
    {
      signal: "metrics",
      hostname: "prom.example.com",
      paths: ["/api/v1/write"],
      audiences: ["a".repeat(64)],
      origin: "unix:/run/sitepass/metrics.sock",
    },
    {
      signal: "logs",
      hostname: "loki.example.com",
      paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
      audiences: ["b".repeat(64)],
      origin: "unix:/run/sitepass/logs.sock",
    },
  ],
  sites: [
    {
      name: "nagoya",
      clientId: "11111111111111111111111111111111.access",
      signals: ["metrics", "logs"],
      enabled: true,
    },
    {
      name: "osaka",
      clientId: "22222222222222222222222222222222.access",
      signals: ["metrics"],
      enabled: true,
    },
    {
      name: "tokyo",
      clientId: "33333333333333333333333333333333.access",
      signals: ["metrics", "logs"],
      enabled: false,
    },
  ],
  limits: { requestsPerSecond: 50, bytesPerSecond: 4_000_000 },
  retentionDays: { metrics: 90, logs: 31 },
  windows: storeWindows(["alloy", "fluent-bit"]),
  ownStores: {},
  alertEmails: [],
  mail: undefined,
  secrets: new Set(["tunnel-token", "grafana-password"]),
  ...changes,
});

/** The hosts of two stacks, each with a team of its own; oslo is moving from the one to the other. */
export const exampleStacks = (changes: Partial<CentralHost> = {}): [CentralHost, CentralHost] => {
  const stack = (stackName: string, letters: readonly [string, string], sites: CentralHost["sites"]) => {
    const host = exampleHost(changes);
    return {
      ...host,
      stackName,
      teamName: `team-${stackName}`,
      signals: host.signals.map((signal, index) => ({
        ...signal,
        hostname: `${stackName}.${signal.hostname}`,
        audiences: [(letters[index] ?? "").repeat(64)],
      })),
      sites,
    };
  };
  const site = (name: string, digit: string, movingTo?: string): CentralHost["sites"][number] => ({
    name,
    clientId: `${digit.repeat(32)}.access`,
    signals: ["metrics", "logs"],
    enabled: true,
    movingTo,
  });
  return [
    stack("eu", ["a", "b"], [site("berlin", "1"), site("oslo", "2", "us")]),
    stack("us", ["c", "d"], [site("austin", "3"), site("oslo", "4", "us")]),
  ];
};

/** One central host of both. */
export const exampleSeveral = (changes: Partial<CentralHost> = {}): CentralHost =>
  orThrow(
    joinHosts(
      exampleStacks({
        secrets: new Set(["tunnel-token-eu", "tunnel-token-us", "grafana-password"]),
        ...changes,
      }),
    ),
  );
