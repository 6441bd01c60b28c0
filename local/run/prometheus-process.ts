import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import semver from "semver";
import { parseDocument } from "yaml";
import type { CollectorSite, Credentials } from "../../collectors/collector";
import { prometheus } from "../../collectors/prometheus";
import { writeSite } from "../../handover/site-folder";
import { freePort, startService } from "./service-process";
import { counterSum } from "./counter-sum";

/** A site's Prometheus in agent mode, on this machine. */
export interface PrometheusProcess {
  /** A counter of its own, summed over its labels; 0 when it has none such. */
  readonly counter: (name: string) => Promise<number>;
  /** Replaces the credentials in their files. */
  readonly rotate: (credentials: Credentials) => void;
  readonly text: () => string;
  readonly close: () => Promise<void>;
}

export interface PrometheusOptions {
  /** A folder of its own. */
  readonly directory: string;
  readonly program: string;
  /** Of the program. */
  readonly version: string;
  readonly site: CollectorSite;
  /** Undefined behind the relay. */
  readonly credentials: Credentials | undefined;
  /** What it scrapes each second, in place of itself. */
  readonly target: { readonly address: string; readonly path: string };
  /** As in configurations made by hand, which leave this at its default of true. */
  readonly followRedirects?: boolean;
}

/**
 * Renders a Prometheus and starts it. Only what it scrapes is another than a site's.
 *
 * @throws with what it printed when it does not get ready.
 */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusProcess> {
  const { directory, version, site } = options;
  const release = { version, mode: "agent" } as const;
  const write = (credentials: Credentials | undefined) => {
    writeSite(directory, site.name, prometheus.render(site, { directory, credentials }, release));
  };
  write(options.credentials);
  const config = join(directory, "prometheus", "run.yml");
  writeFileSync(
    config,
    withTarget(readFileSync(join(directory, "prometheus", "prometheus.yml"), "utf8"), options),
  );
  const host = `127.0.0.1:${await freePort()}`;
  const service = await startService(
    options.program,
    [
      // The old spelling makes no agent of Prometheus 3 (facts: Prometheus docs, migration guide).
      semver.major(version) < 3 ? "--enable-feature=agent" : "--agent",
      `--config.file=${config}`,
      `--storage.agent.path=${join(directory, "data")}`,
      `--web.listen-address=${host}`,
    ],
    `http://${host}/-/ready`,
  );
  return {
    counter: async (name) => {
      const text = await (await fetch(`http://${host}/metrics`)).text();
      return counterSum(text, name);
    },
    rotate: write,
    text: service.text,
    close: () => service.close(),
  };
}

function withTarget(text: string, { target, followRedirects }: PrometheusOptions): string {
  const document = parseDocument(text);
  document.setIn(["global", "scrape_interval"], "1s");
  document.setIn(["global", "scrape_timeout"], "1s");
  document.delete("scrape_config_files");
  document.set("scrape_configs", [
    { job_name: "probe", metrics_path: target.path, static_configs: [{ targets: [target.address] }] },
  ]);
  if (followRedirects !== undefined) {
    document.setIn(["remote_write", 0, "follow_redirects"], followRedirects);
  }
  return document.toString();
}
