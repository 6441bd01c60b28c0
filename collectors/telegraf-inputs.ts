import type { CollectorSite, RenderedFile } from "./collector";
import { tomlText } from "./toml-text";

/** Telegraf's own metrics, an `up`, which it sends of nothing by itself, those of the machine, and the journal. */
export function telegrafInputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  return {
    path: "telegraf/inputs.d/sitepass.conf",
    mode: 0o644,
    content: tomlText(
      `Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own that end in .conf. To push lines of a log, give its input name_override = "log", data_format = "value" and data_type = "string".`,
      {
        inputs: {
          ...(metrics && {
            // Of the measurement named prometheus, names of fields are names of metrics.
            mock: [{ metric_name: "prometheus", constant: [{ name: "up", value: 1 }] }],
            internal: [{}],
            cpu: [{ percpu: false, totalcpu: true }],
            mem: [{}],
            disk: [{ ignore_fs: ["tmpfs", "devtmpfs", "devfs", "iso9660", "overlay", "aufs", "squashfs"] }],
            // A text, which is no sample.
            system: [{ fieldexclude: ["uptime_format"] }],
          }),
          ...(logs && {
            execd: [
              {
                command: ["journalctl", "--follow", "--lines=0", "--quiet", "--output=short-iso"],
                name_override: "log",
                signal: "none",
                data_format: "value",
                data_type: "string",
              },
            ],
          }),
        },
      },
    ),
  };
}
