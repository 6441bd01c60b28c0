import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { countBySite } from "./count-by-site";
import type { Origin } from "./origin";
import { freePort, startService, versionOf } from "./service-process";

/**
 * A real Loki, when `loki` is on PATH: one process, everything in a folder (grafana/loki, cmd/loki/loki-local-config.yaml).
 *
 * @param directory a folder of its own, which exists.
 */
export async function lokiOrigin(directory: string): Promise<Origin | undefined> {
  const version = versionOf("loki");
  if (version === undefined) {
    return undefined;
  }
  const port = await freePort();
  const config = join(directory, "loki.yaml");
  writeFileSync(config, stringify(configuration(directory, port, await freePort())));
  const url = `http://127.0.0.1:${port}`;
  // Not /ready, which waits a quarter of a minute for other processes to join; pushes are taken before.
  const service = await startService("loki", [`-config.file=${config}`], `${url}/loki/api/v1/labels`);
  return {
    name: version.replace(/ \(.*$/, ""),
    url,
    arrived: (siteLabel) =>
      countBySite(
        `${url}/loki/api/v1/query`,
        `sum by (${siteLabel}) (count_over_time({${siteLabel}=~".+"}[1h]))`,
        siteLabel,
      ),
    close: () => service.close(),
  };
}

function configuration(directory: string, port: number, grpcPort: number): object {
  return {
    auth_enabled: false,
    analytics: { reporting_enabled: false },
    server: {
      http_listen_address: "127.0.0.1",
      http_listen_port: port,
      grpc_listen_address: "127.0.0.1",
      grpc_listen_port: grpcPort,
      log_level: "error",
    },
    common: {
      instance_addr: "127.0.0.1",
      path_prefix: directory,
      replication_factor: 1,
      storage: {
        filesystem: {
          chunks_directory: join(directory, "chunks"),
          rules_directory: join(directory, "rules"),
        },
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
  };
}
