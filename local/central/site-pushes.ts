import { send } from "cloudflare-standin/edge/http-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { CentralHost } from "../../central/central-host";
import type { Edge } from "cloudflare-standin/edge/edge";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { onePush } from "../pushes/one-push";

/** The metric that sites push here. */
export const pushedMetric = "sitepass_pushed";

/** The lines that sites push here, in LogQL. */
export const pushedLines = '{job="central"}';

/**
 * Every site that is let in pushes what it may, with its own label; the first one also with the label of the second.
 *
 * @returns the statuses other than 2xx, by which the pushes did not arrive.
 */
export async function pushAll(
  edge: Edge,
  { sites, signals, siteLabel }: CentralHost,
  outputs: RevealedOutputs,
): Promise<readonly number[]> {
  const refused: number[] = [];
  const pushing = sites.filter(({ enabled }) => enabled);
  const [, other] = pushing;
  for (const [index, { name, signals: own }] of pushing.entries()) {
    for (const pretended of index === 0 && other !== undefined ? [name, other.name] : [name]) {
      for (const { signal, hostname, paths } of signals.filter(({ signal: one }) => own.includes(one))) {
        const labels = { [siteLabel]: pretended, job: "central" };
        const { headers, body } = onePush(signal, labels, {
          metric: pushedMetric,
          line: `a line that says ${pretended}`,
        });
        const { clientId, clientSecret } = outputs.sites[name] ?? { clientId: "", clientSecret: "" };
        const { status } = await send(edge.url, {
          host: hostname,
          path: paths[0],
          headers: [...tokenHeaders(clientId, clientSecret), ...headers],
          body,
        });
        if (status < 200 || status > 299) {
          refused.push(status);
        }
      }
    }
  }
  return refused;
}
