import { yamlFile } from "../../collectors/common/config-text";
import { lokiRules } from "../alarms/loki-rules";
import type { CentralProgram } from "../central-host";
import { addressOf, storesItself } from "./addresses";

/** One process that keeps everything in a folder (grafana/loki, cmd/loki/loki-local-config.yaml). */
export const onDisk = (data: string) => ({
  common: {
    instance_addr: "127.0.0.1",
    path_prefix: data,
    replication_factor: 1,
    storage: {
      filesystem: { chunks_directory: `${data}/chunks`, rules_directory: `${data}/rules` },
    },
    ring: { kvstore: { store: "inmemory" } },
  },
  schema_config: {
    configs: [
      {
        from: "2024-01-01",
        store: "tsdb",
        object_store: "filesystem",
        schema: "v13",
        index: { prefix: "index_", period: "24h" },
      },
    ],
  },
});

/** Keeps the lines of all sites; without a gate its ruler tells Prometheus which sites' lines arrive. */
export const loki: CentralProgram = {
  name: "loki",
  title: "Loki",
  isNeeded: (central) => storesItself(central, "logs"),
  files: (central, places) => {
    const { files, data, bind, ports } = places.programs.loki;
    const { windows, retentionDays, identity, siteLabel } = central;
    const rules = lokiRules(central);
    return [
      yamlFile("loki/loki.yml", "Loki of the central host, as one process.", {
        auth_enabled: identity === "tenant",
        analytics: { reporting_enabled: false },
        server: {
          http_listen_address: bind,
          http_listen_port: ports.http,
          grpc_listen_address: "127.0.0.1",
          grpc_listen_port: ports.grpc,
          log_level: "warn",
        },
        ...onDisk(data),
        compactor: {
          working_directory: `${data}/compactor`,
          retention_enabled: true,
          delete_request_store: "filesystem",
        },
        ingester: { max_chunk_age: `${windows.maxChunkAge}h` },
        querier: {
          query_ingesters_within: `${windows.queryIngestersWithin}h`,
          multi_tenant_queries_enabled: identity === "tenant" ? true : undefined,
        },
        limits_config: {
          retention_period: `${retentionDays.logs * 24}h`,
          max_query_length: `${retentionDays.logs * 24 + 1}h`,
          reject_old_samples: true,
          reject_old_samples_max_age: `${windows.rejectOldSamplesMaxAge}h`,
          allow_structured_metadata: true,
          volume_enabled: true,
          // One tenant for all sites has to take them all; what one site may send is limited at the gate.
          ingestion_rate_mb: 64,
          ingestion_burst_size_mb: 128,
          per_stream_rate_limit: "16MB",
          per_stream_rate_limit_burst: "64MB",
          max_global_streams_per_user: 100_000,
          // A line that is too long is kept in part, in place of being refused.
          max_line_size_truncate: true,
          otlp_config: {
            resource_attributes: {
              attributes_config: [{ action: "index_label", attributes: [siteLabel] }],
            },
          },
        },
        ruler: {
          storage: {
            type: "local",
            local: { directory: rules.length === 0 ? `${data}/rules` : `${files}/rules` },
          },
          rule_path: `${data}/rules-at-work`,
          alertmanager_url: `http://${addressOf(places, "alertmanager")}`,
          enable_alertmanager_v2: true,
          ...(rules.length > 0 && {
            wal: { dir: `${data}/ruler-wal` },
            remote_write: {
              enabled: true,
              clients: {
                prometheus: {
                  url: `http://${addressOf(places, "prometheus")}/api/v1/write`,
                },
              },
            },
          }),
        },
      }),
      ...rules,
    ];
  },
  command: (_central, places) => ({
    program: "loki",
    args: [`-config.file=${places.programs.loki.files}/loki.yml`],
    environment: {},
  }),
  readyPath: "/ready",
};
