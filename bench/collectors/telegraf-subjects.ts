import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify, type TomlTable } from "smol-toml";
import { agentVersion, findProgram } from "../../local/programs/programs";
import { lineText } from "./arrivals";
import { edited } from "./rendered";
import type { Place, Subject } from "./subject";

const inputs = "telegraf/inputs.d/sitepass.conf";
const logFile = ({ directory }: Place): string => join(directory, "fed.log");

const base: Omit<Subject, "signal"> = {
  title: "Telegraf 1.39.3",
  collector: "telegraf",
  release: { version: agentVersion("telegraf"), mode: "server" },
  program: findProgram("telegraf", "telegraf"),
  adapt: (files, place) =>
    edited(
      edited(files, inputs, () =>
        stringify({
          inputs: {
            mock: [{ metric_name: "prometheus", constant: [{ name: "up", value: 1 }] }],
            tail: [
              {
                files: [logFile(place)],
                initial_read_offset: "beginning",
                name_override: "log",
                data_format: "value",
                data_type: "string",
              },
            ],
          },
        }),
      ),
      "telegraf/telegraf.conf",
      (text) => {
        const document = parse(text);
        const agent: TomlTable = { ...(document.agent as TomlTable), interval: "1s", flush_interval: "5s" };
        return stringify({ ...document, agent });
      },
    ),
  args: (_files, { directory }) => [
    ...["--config", `${directory}/telegraf/telegraf.conf`],
    ...["--config-directory", `${directory}/telegraf/inputs.d`],
  ],
  // It has no page of its own: that it runs shows in what it pushes.
  readyUrl: () => undefined,
  metricsUrl: () => undefined,
  admitsLoss: (text) => /buffer|dropped|overflow/i.test(text),
};

export const telegrafMetrics: Subject = { ...base, signal: "metrics" };

export const telegrafLogs: Subject = {
  ...base,
  signal: "logs",
  feed: (place, line) => appendFile(logFile(place), `${lineText(line)}\n`),
};
