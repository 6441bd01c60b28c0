import type { RenderedFile } from "../../collectors/collector";
import { yamlFile } from "../../collectors/common/config-text";
import type { CentralHost } from "../central-host";
import { hostLabel, storesItself } from "../stores/addresses";

/** How many lines of each site arrived in the last minute, written to Prometheus. */
export const siteLines = "site_lines";

/** The tenant of a Loki without tenants, which its ruler wants for a folder. */
const noTenant = "fake";

/** Without a gate nothing else tells which site pushed logs; with one its counters do, and cost no query. */
export const lokiRules = (central: CentralHost): readonly RenderedFile[] =>
  central.identity === "off" && storesItself(central, "logs")
    ? [
        yamlFile(`loki/rules/${noTenant}/sites.yml`, "Which sites' lines arrive.", {
          groups: [
            {
              name: "sitepass-lines",
              interval: "1m",
              rules: [
                {
                  record: siteLines,
                  expr: `sum by (${central.siteLabel}) (count_over_time({${central.siteLabel}=~".+"}[1m]))`,
                  labels: { signal: "logs", [hostLabel]: "central" },
                },
              ],
            },
          ],
        }),
      ]
    : [];
