import { setTimeout as delay } from "node:timers/promises";
import type { Edge } from "cloudflare-standin/edge/edge";
import { send, type HeaderLines } from "cloudflare-standin/edge/http-messages";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders } from "../../local/pushes/push-messages";
import { tally } from "./scenario";

/** A request that is sent again and again. */
interface Request {
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: HeaderLines;
  readonly body?: () => Buffer;
}

/** A push of one sample. */
export const metricsPush = (site: string, credentials: HeaderLines, host = "prom.example.com"): Request => ({
  host,
  path: "/api/v1/write",
  headers: [...credentials, ...remoteWriteHeaders],
  body: () =>
    remoteWriteBody([
      { labels: { __name__: "pushed", provider: site }, samples: [{ timestamp: Date.now(), value: 1 }] },
    ]),
});

/** A push of one line. */
export const logsPush = (site: string, credentials: HeaderLines, host = "loki.example.com"): Request => ({
  host,
  path: "/loki/api/v1/push",
  headers: [...credentials, ...lokiHeaders("json")],
  body: () =>
    lokiBody([{ labels: { site }, lines: [{ timestamp: `${Date.now()}000000`, line: "pushed" }] }], "json"),
});

/** A query without credentials. */
export const query = (host: string): Request => ({ host, path: "/api/v1/query", method: "GET" });

/**
 * Sends these requests in turn, one every ten milliseconds, while the work goes on and a little longer.
 *
 * @returns how often each was answered so, as `<method> <host> <who answered> <status>`.
 */
export async function answersWhile(
  edge: Edge,
  requests: readonly Request[],
  work: () => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
  edge.clear();
  const running = { work: true };
  const sending: Promise<unknown>[] = [];
  const pump = (async () => {
    for (let count = 0; running.work; count += 1) {
      const request = requests[count % requests.length];
      if (request !== undefined) {
        const { body, ...rest } = request;
        sending.push(send(edge.url, { ...rest, ...(body === undefined ? {} : { body: body() }) }));
      }
      await delay(10);
    }
  })();
  try {
    await work();
    await delay(200);
  } finally {
    running.work = false;
    await pump;
    await Promise.all(sending);
  }
  return tally(
    edge.answered
      .filter(({ host }) => requests.some((request) => request.host === host))
      .map(({ method, host, by, status }) => `${method} ${host} ${by} ${status}`),
  );
}
