import type { SignalName } from "../../fleet/signals";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders, type Labels } from "./push-messages";

let lastMillisecond = 0;

/** One sample of a metric, or one line, of this moment, as collectors push them. */
export function onePush(
  signal: SignalName,
  labels: Labels,
  { metric, line }: { readonly metric: string; readonly line: string },
): { readonly headers: HeaderLines; readonly body: Buffer } {
  // Never the same time twice: two samples of one series at one time would count as one.
  lastMillisecond = Math.max(Date.now(), lastMillisecond + 1);
  return signal === "metrics"
    ? {
        headers: remoteWriteHeaders,
        body: remoteWriteBody([
          { labels: { __name__: metric, ...labels }, samples: [{ timestamp: lastMillisecond, value: 1 }] },
        ]),
      }
    : {
        headers: lokiHeaders("protobuf"),
        body: lokiBody([{ labels, lines: [{ timestamp: `${lastMillisecond}000000`, line }] }], "protobuf"),
      };
}
