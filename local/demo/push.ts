import type { Edge } from "cloudflare-standin/edge/edge";
import { send, type HeaderLines } from "cloudflare-standin/edge/http-messages";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders } from "../pushes/push-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { SignalName } from "../../fleet/signals";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { demoMetric } from "./data-path";

/** What came of a request, and who answered it. */
export interface Outcome {
  readonly status: number;
  /** Access, cloudflared, the origin, or Cloudflare's network. */
  readonly by: string;
}

/** What a site's collector sends with a push, whatever its credentials. */
export interface Pusher {
  readonly site: string;
  /** Name of the label that carries the site's name. */
  readonly siteLabel: string;
}

/** Pushes one sample or one log line to a signal's endpoint. */
export async function push(
  edge: Edge,
  { site, siteLabel }: Pusher,
  signal: SignalName,
  url: string,
  credentials: HeaderLines,
): Promise<Outcome> {
  const labels = { [siteLabel]: site, job: "demo" };
  const now = nextMillisecond();
  const [headers, body] =
    signal === "metrics"
      ? [
          remoteWriteHeaders,
          remoteWriteBody([
            { labels: { __name__: demoMetric, ...labels }, samples: [{ timestamp: now, value: 1 }] },
          ]),
        ]
      : [
          lokiHeaders("protobuf"),
          lokiBody(
            [{ labels, lines: [{ timestamp: `${now}000000`, line: `a line from ${site}` }] }],
            "protobuf",
          ),
        ];
  return request(edge, "POST", url, [...credentials, ...headers], body);
}

let lastMillisecond = 0;

/** The time, and never the same twice: two samples of one series at one time would count as one. */
function nextMillisecond(): number {
  lastMillisecond = Math.max(Date.now(), lastMillisecond + 1);
  return lastMillisecond;
}

/** Sends any request for one of the push hosts. */
export async function request(
  edge: Edge,
  method: string,
  url: string,
  headers: HeaderLines,
  body?: Buffer,
): Promise<Outcome> {
  const { host, pathname, search } = new URL(url);
  const { status } = await send(edge.url, {
    method,
    host,
    path: pathname + search,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  // cloudflared's look at the team's keys is recorded too.
  const record = edge.answered.filter((answered) => answered.host === host).at(-1);
  return { status, by: record?.by ?? "nobody" };
}

export function headersOf({ clientId, clientSecret }: SiteCredentials): HeaderLines {
  return tokenHeaders(clientId, clientSecret);
}
