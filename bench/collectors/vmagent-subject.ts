import { findProgram } from "../../local/programs/programs";
import { counterSum } from "../../local/run/counter-sum";
import { editedYaml, environmentIn, execArguments, textOf } from "./rendered";
import type { Place, Subject } from "./subject";

const address = ({ port }: Place): string => `127.0.0.1:${port}`;

/** vmagent, scraping itself each second. */
export const vmagentSubject: Subject = {
  title: "vmagent of July 2025",
  collector: "vmagent",
  signal: "metrics",
  // What is rendered for later releases runs with this one too, which by itself is refused: it logs its headers.
  release: { version: "1.150.0", mode: "server" },
  program: findProgram("vmagent", "vmagent"),
  adapt: (files, place) =>
    editedYaml(files, "vmagent/scrape.yml", (document) => {
      document.setIn(["global", "scrape_interval"], "1s");
      document.set("scrape_configs", [
        { job_name: "vmagent", static_configs: [{ targets: [address(place)] }] },
      ]);
    }),
  args: (files, place) =>
    execArguments(textOf(files, "systemd/sitepass-vmagent.service"))
      .filter((argument) => !/^-(?:httpListenAddr|remoteWrite\.tmpDataPath)=/.test(argument))
      .concat(`-httpListenAddr=${address(place)}`, `-remoteWrite.tmpDataPath=${place.directory}/data`),
  environment: (files) => {
    const file = files.find(({ path }) => path.endsWith(".env"));
    return file === undefined ? {} : environmentIn(file.content);
  },
  readyUrl: (place) => `http://${address(place)}/-/ready`,
  metricsUrl: (place) => `http://${address(place)}/metrics`,
  admitsLoss: (_text, metrics) => counterSum(metrics, "vmagent_remotewrite_packets_dropped_total") > 0,
};
