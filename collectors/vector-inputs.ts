import type { CollectorSite, RenderedFile } from "./collector";
import { explained, yamlText } from "./yaml-text";

/** Vector's own metrics, an `up`, which it sends of nothing by itself, those of the machine, and the journal. */
export function vectorInputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  return {
    path: "vector/inputs.d/sitepass.yaml",
    mode: 0o644,
    content: yamlText(
      "Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own with sources and transforms. What has a name that begins with metrics_ or logs_ is sent, and nothing else.",
      {
        sources: {
          ...(metrics && {
            metrics_up: {
              type: "static_metrics",
              interval_secs: 30,
              metrics: [
                { name: "up", kind: "absolute", value: { gauge: { value: 1 } }, tags: { job: "vector" } },
              ],
            },
            metrics_internal: { type: "internal_metrics", scrape_interval_secs: 30 },
            metrics_host: { type: "host_metrics", scrape_interval_secs: 30 },
          }),
          ...(logs && {
            logs_journal: {
              type: "journald",
              since_now: explained("When there is no saved place to go on from.", true),
            },
          }),
        },
      },
    ),
  };
}
