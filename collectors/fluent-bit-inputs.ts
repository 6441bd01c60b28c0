import type { CollectorSite, RenderedFile } from "./collector";
import { explained, yamlText } from "./yaml-text";

/** Fluent Bit's own metrics, those of the machine, and the journal. */
export function fluentBitInputs(
  { endpoints: { metrics, logs } }: CollectorSite,
  stateDirectory: string,
): RenderedFile {
  const onDisk = { "storage.type": "filesystem" };
  return {
    path: "fluent-bit/inputs.d/sitepass.yaml",
    mode: 0o644,
    content: yamlText(
      "Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own with inputs and filters. Without storage.type: filesystem, what an input has read and nobody has taken yet is lost by a restart.",
      {
        pipeline: {
          inputs: [
            ...(metrics === undefined
              ? []
              : [
                  { name: "fluentbit_metrics", tag: "sitepass.self", scrape_interval: 30, ...onDisk },
                  { name: "node_exporter_metrics", tag: "sitepass.host", scrape_interval: 30, ...onDisk },
                ]),
            ...(logs === undefined
              ? []
              : [
                  {
                    name: "systemd",
                    tag: "sitepass.journal",
                    read_from_tail: "on",
                    db: explained(
                      "Goes on after a restart where it has stopped.",
                      `${stateDirectory}/journal.db`,
                    ),
                    ...onDisk,
                  },
                ]),
          ],
          filters:
            logs === undefined
              ? undefined
              : [
                  {
                    name: "record_modifier",
                    match: "sitepass.journal",
                    allowlist_key: [
                      "MESSAGE",
                      "PRIORITY",
                      "SYSLOG_IDENTIFIER",
                      "_SYSTEMD_UNIT",
                      "_HOSTNAME",
                      "_PID",
                    ],
                  },
                ],
        },
      },
    ),
  };
}
