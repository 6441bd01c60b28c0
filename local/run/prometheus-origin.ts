import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { countBySite } from "./count-by-site";
import type { Origin } from "./origin";
import { freePort, startService, versionOf } from "./service-process";

/**
 * A real Prometheus with its remote write receiver on, when `prometheus` is on PATH.
 *
 * @param directory a folder of its own, which exists.
 * @param metric the name of the metric whose samples are counted.
 */
export async function prometheusOrigin(directory: string, metric: string): Promise<Origin | undefined> {
  const version = versionOf("prometheus");
  if (version === undefined) {
    return undefined;
  }
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, "global: {}\n");
  const url = `http://127.0.0.1:${await freePort()}`;
  const service = await startService(
    "prometheus",
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      "--web.enable-remote-write-receiver",
      `--web.listen-address=${new URL(url).host}`,
    ],
    `${url}/-/ready`,
  );
  return {
    name: version.replace(/ \(.*$/, ""),
    url,
    arrived: (siteLabel) =>
      countBySite(`${url}/api/v1/query`, `sum by (${siteLabel}) (count_over_time(${metric}[1h]))`, siteLabel),
    close: () => service.close(),
  };
}
