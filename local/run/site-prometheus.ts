import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { CollectorSite, Credentials } from "../../collectors/collector";
import { prometheus } from "../../collectors/prometheus";
import { writeSite } from "../../handover/site-folder";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import { freePort, startService } from "./processes";
import semver from "semver";

/** A site's Prometheus in agent mode, on this machine. */
export interface PrometheusProcess {
  /** A counter of its own, summed over its labels; 0 when it has none such. */
  readonly counter: (name: string) => Promise<number>;
  /** Replaces the credentials in their files. */
  readonly rotate: (credentials: Credentials) => void;
  readonly text: () => string;
  readonly close: () => Promise<void>;
}

interface PrometheusOptions {
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
  /** By default as it is rendered; true is Prometheus' own default, as in configurations made by hand. */
  readonly followRedirects?: boolean;
}

/**
 * Renders a Prometheus and starts it. It differs from a site's only in what it scrapes.
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
      // The option was renamed in 3.0 (docs/facts/collectors.md, K10).
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

/** What a collector scrapes here: one series, one sample a scrape. */
export const probeMetric = "sitepass_probe";

/** A target that counts the scrapes of each collector, so that a test knows how many samples should arrive. */
export interface ScrapeTarget {
  /** Address without scheme, as scrape configurations have it. */
  readonly address: string;
  /** The path that this collector scrapes; each has its own, because scrapes are counted by path. */
  readonly pathFor: (collector: string) => string;
  readonly scrapesBy: (collector: string) => number;
  readonly close: () => Promise<void>;
}

export async function startScrapeTarget(): Promise<ScrapeTarget> {
  const scrapes = new Map<string, number>();
  const server = await listenOnLoopback((request, response) => {
    const collector = (request.url ?? "").slice(1);
    const count = (scrapes.get(collector) ?? 0) + 1;
    scrapes.set(collector, count);
    response
      .writeHead(200, { "content-type": "text/plain; version=0.0.4" })
      .end(`# TYPE ${probeMetric} counter\n${probeMetric} ${count}\n`);
  }, 0);
  return {
    address: new URL(server.url).host,
    pathFor: (collector) => `/${collector}`,
    scrapesBy: (collector) => scrapes.get(collector) ?? 0,
    close: () => server.close(),
  };
}

/** The sum of a counter over its labels, out of a page of metrics; 0 when it is not there. */
export function counterSum(metrics: string, name: string): number {
  return [...metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}
