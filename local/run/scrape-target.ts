import { listenOnLoopback } from "cloudflare-standin/loopback-server";

/** What a collector scrapes here: one series, one sample a scrape. */
export const probeMetric = "sitepass_probe";

/** Something to scrape that counts who scraped it how often, so that what never arrived can be counted. */
export interface ScrapeTarget {
  /** Address without scheme, as scrape configurations have it. */
  readonly address: string;
  /** Path that a collector scrapes, for it to be counted by itself. */
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
