import { counterSum } from "../../local/run/counter-sum";
import { editedYaml } from "./rendered";
import type { Place, Subject } from "./subject";

const address = ({ port }: Place): string => `127.0.0.1:${port}`;

/** Prometheus in agent mode, scraping itself each second. */
export function prometheusSubject(title: string, version: string, program: string | undefined): Subject {
  return {
    title,
    collector: "prometheus",
    signal: "metrics",
    release: { version, mode: "agent" },
    program,
    adapt: (files, place) =>
      editedYaml(files, "prometheus/prometheus.yml", (document) => {
        document.setIn(["global", "scrape_interval"], "1s");
        document.setIn(["global", "scrape_timeout"], "1s");
        document.delete("scrape_config_files");
        document.set("scrape_configs", [
          { job_name: "prometheus", static_configs: [{ targets: [address(place)] }] },
        ]);
      }),
    args: (_files, place) => [
      version.startsWith("2.") ? "--enable-feature=agent" : "--agent",
      `--config.file=${place.directory}/prometheus/prometheus.yml`,
      `--storage.agent.path=${place.directory}/data`,
      `--web.listen-address=${address(place)}`,
    ],
    readyUrl: (place) => `http://${address(place)}/-/ready`,
    metricsUrl: (place) => `http://${address(place)}/metrics`,
    admitsLoss: (_text, metrics) => counterSum(metrics, "prometheus_remote_storage_samples_failed_total") > 0,
  };
}
