import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { onDisk } from "../../central/stores/loki";
import { startReceiver } from "../pushes/receiver";
import { freePort, startService, versionOf, type ServiceProcess } from "./processes";

/** The service behind the tunnel for one signal: a real one, or a small receiver in its place. */
export interface Origin {
  /** What it is, for people. */
  readonly name: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** How many samples or lines came, by the value of the label that carries the site's name; stores look back an hour. */
  readonly arrived: (siteLabel: string, range?: string) => Promise<ReadonlyMap<string, number>>;
  readonly close: () => Promise<void>;
}

interface StoreOptions {
  /** Default: the one on PATH. */
  readonly program?: string;
  /** Whose lines are counted, of a Loki that then has tenants. */
  readonly tenant?: string;
  /** More sections of its configuration. */
  readonly sections?: Readonly<Record<string, object>>;
}

/**
 * A real Prometheus with its remote write receiver on, when `prometheus` is on PATH.
 *
 * @param directory a folder of its own, which exists.
 * @param metric the name of the metric whose samples are counted.
 */
export async function prometheusOrigin(
  directory: string,
  metric: string,
  { program = "prometheus", sections = {} }: Omit<StoreOptions, "tenant"> = {},
): Promise<Origin | undefined> {
  const version = versionOf(program);
  if (version === undefined) {
    return undefined;
  }
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, stringify({ global: {}, ...sections }));
  const url = `http://127.0.0.1:${await freePort()}`;
  const service = await startService(
    program,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      "--web.enable-remote-write-receiver",
      `--web.listen-address=${new URL(url).host}`,
    ],
    `${url}/-/ready`,
  );
  return storeOrigin(version, url, service, "/api/v1/query", () => metric);
}

/**
 * A real Loki, when there is one: one process, everything in a folder (grafana/loki, cmd/loki/loki-local-config.yaml).
 *
 * @param directory a folder of its own, which exists.
 */
export async function lokiOrigin(
  directory: string,
  { program = "loki", tenant, sections }: StoreOptions = {},
): Promise<Origin | undefined> {
  const version = versionOf(program);
  if (version === undefined) {
    return undefined;
  }
  const port = await freePort();
  const config = join(directory, "loki.yaml");
  writeFileSync(
    config,
    stringify({
      auth_enabled: tenant !== undefined,
      ...lokiConfiguration(directory, port, await freePort()),
      ...sections,
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  // Not /ready, which waits a quarter of a minute for other processes to join; pushes are taken before.
  const ready = tenant === undefined ? "/loki/api/v1/labels" : "/loki/api/v1/status/buildinfo";
  const service = await startService(program, [`-config.file=${config}`], `${url}${ready}`);
  const headers = tenant === undefined ? {} : { "X-Scope-OrgID": tenant };
  const selector = (siteLabel: string) => `{${siteLabel}=~".+"}`;
  return storeOrigin(version, url, service, "/loki/api/v1/query", selector, headers);
}

function lokiConfiguration(directory: string, port: number, grpcPort: number): object {
  return {
    analytics: { reporting_enabled: false },
    server: {
      http_listen_address: "127.0.0.1",
      http_listen_port: port,
      grpc_listen_address: "127.0.0.1",
      grpc_listen_port: grpcPort,
      log_level: "error",
    },
    ...onDisk(directory),
  };
}

/** A receiver that decodes what is pushed and keeps it in memory. */
export async function receiverOrigin(): Promise<Origin> {
  const receiver = await startReceiver();
  return {
    name: "a small receiver",
    url: receiver.url,
    arrived: (siteLabel) => {
      const counts = new Map<string, number>();
      const add = (site: string | undefined, count: number) => {
        if (site !== undefined) {
          counts.set(site, (counts.get(site) ?? 0) + count);
        }
      };
      for (const { labels, samples } of receiver.samples) {
        add(labels[siteLabel], samples.length);
      }
      for (const { labels, lines } of receiver.lines) {
        add(labels[siteLabel], lines.length);
      }
      return Promise.resolve(counts);
    },
    close: () => receiver.close(),
  };
}

/** An instant query's answer, which is the same in Prometheus and Loki (prometheus.io/docs/prometheus/latest/querying/api). */
const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

/**
 * Asks a store for one number for each value of a label.
 *
 * @param query such as `sum by (<label>) (...)`.
 */
export async function queryByLabel(
  queryUrl: string,
  label: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${queryUrl}?${new URLSearchParams({ query }).toString()}`, { headers });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${queryUrl}: ${response.status} ${text}`);
  }
  const { data } = answerSchema.parse(JSON.parse(text));
  return new Map(data.result.map(({ metric, value }) => [metric[label] ?? "", Number(value[1])]));
}

/** How many samples or lines there are for each value of a label. */
export const countedBy = (label: string, selector: string, range = "1h"): string =>
  `sum by (${label}) (count_over_time(${selector}[${range}]))`;

/** @param selector what is counted, in PromQL or LogQL. */
function storeOrigin(
  version: string,
  url: string,
  service: ServiceProcess,
  queryPath: string,
  selector: (siteLabel: string) => string,
  headers: Readonly<Record<string, string>> = {},
): Origin {
  return {
    name: version.replace(/ \(.*$/, ""),
    url,
    arrived: (siteLabel, range) =>
      queryByLabel(
        `${url}${queryPath}`,
        siteLabel,
        countedBy(siteLabel, selector(siteLabel), range),
        headers,
      ),
    close: () => service.close(),
  };
}
