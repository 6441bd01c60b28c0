import { send } from "cloudflare-standin/edge/http-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { CentralHost } from "../../central/central-host";
import type { Edge } from "../../packages/cloudflare-standin/edge/edge";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import {
  lokiBody,
  lokiHeaders,
  remoteWriteBody,
  remoteWriteHeaders,
  type Labels,
} from "../pushes/push-messages";

/** The metric that sites push here. */
export const pushedMetric = "sitepass_pushed";

/** The lines that sites push here, in LogQL. */
export const pushedLines = '{job="central"}';

let lastMillisecond = 0;

/** Never the same time twice: two samples of one series at one time would count as one. */
const freshMillisecond = (): number => (lastMillisecond = Math.max(Date.now(), lastMillisecond + 1));

/** Every site that is let in pushes what it may, with its own label; the first one also with the label of the second. */
export async function pushAll(
  edge: Edge,
  { sites, signals, siteLabel }: CentralHost,
  outputs: RevealedOutputs,
): Promise<void> {
  const pushing = sites.filter(({ enabled }) => enabled);
  const [, other] = pushing;
  for (const [index, { name, signals: own }] of pushing.entries()) {
    for (const pretended of index === 0 && other !== undefined ? [name, other.name] : [name]) {
      for (const { signal, hostname, paths } of signals.filter(({ signal: one }) => own.includes(one))) {
        const labels = { [siteLabel]: pretended, job: "central" };
        const { headers, body } = signal === "metrics" ? samplePush(labels) : linePush(labels, pretended);
        const { clientId, clientSecret } = outputs.sites[name] ?? { clientId: "", clientSecret: "" };
        await send(edge.url, {
          host: hostname,
          path: paths[0],
          headers: [...tokenHeaders(clientId, clientSecret), ...headers],
          body,
        });
      }
    }
  }
}

const samplePush = (labels: Labels) => ({
  headers: remoteWriteHeaders,
  body: remoteWriteBody([
    { labels: { __name__: pushedMetric, ...labels }, samples: [{ timestamp: freshMillisecond(), value: 1 }] },
  ]),
});

const linePush = (labels: Labels, site: string) => ({
  headers: lokiHeaders("protobuf"),
  body: lokiBody(
    [{ labels, lines: [{ timestamp: `${freshMillisecond()}000000`, line: `a line that says ${site}` }] }],
    "protobuf",
  ),
});
