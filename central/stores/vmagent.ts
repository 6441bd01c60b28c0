import { yamlFile } from "../../collectors/common/config-text";
import type { CentralHost, CentralProgram, Places } from "../central-host";
import { addressOf, carrierLabel, hostLabel, listenAddress } from "./addresses";

/**
 * Queues to the store, each with the series of some of the sites. Prometheus takes back a whole request for one sample that it
 * refuses (storage/remote/write_handler.go, write), and vmagent then drops it: with one queue, a single site whose clock is wrong
 * would cost every other site its data. Their number never changes with the fleet: a queue's folder is named by its place in the
 * list, and vmagent deletes the folder of one that is gone.
 */
const lanes = 64;

/** Of each queue on disk. It is the least that vmagent takes (lib/persistentqueue, DefaultChunkFileSize). */
const bytesPerLane = "512MB";

const storeUrl = ({ ownStores }: CentralHost, places: Places): string =>
  ownStores.metrics?.url.href ?? `http://${addressOf(places, "prometheus")}/api/v1/write`;

/** Makes every series that is pushed carry the name of the site whose token pushed it, and keeps it where the store is away. */
export const vmagent: CentralProgram = {
  name: "vmagent",
  title: "vmagent",
  isNeeded: ({ identity, signals, ownStores }) =>
    identity !== "off" &&
    signals.some(({ signal }) => signal === "metrics") &&
    (ownStores.metrics === undefined || (identity === "label" && !ownStores.metrics.takesExtraLabel)),
  files: ({ siteLabel }) => [
    yamlFile(
      "vmagent/relabel.yml",
      `The gate names the site in ?extra_label=${siteLabel}=<site>, which vmagent adds behind the labels of each series: a series may then carry ${siteLabel} twice. These rules, in this order, leave it once, with the last value, and drop what only the central host itself may write.`,
      [
        { action: "labeldrop", regex: `${carrierLabel}|${hostLabel}` },
        { action: "labelmap", regex: siteLabel, replacement: carrierLabel },
        { action: "labeldrop", regex: siteLabel },
        { action: "labelmap", regex: carrierLabel, replacement: siteLabel },
        { action: "labeldrop", regex: carrierLabel },
      ],
    ),
  ],
  command: (central, places) => {
    const { files, data } = places.programs.vmagent;
    const url = storeUrl(central, places);
    return {
      program: "vmagent",
      args: [
        `-httpListenAddr=${listenAddress(places.programs.vmagent)}`,
        ...Array.from({ length: lanes }, () => `-remoteWrite.url=${url}`),
        "-remoteWrite.shardByURL",
        `-remoteWrite.shardByURL.labels=${central.siteLabel}`,
        // One request at a time for each queue: what a site sent first arrives first.
        "-remoteWrite.queues=1",
        "-remoteWrite.forcePromProto=true",
        `-remoteWrite.relabelConfig=${files}/relabel.yml`,
        `-remoteWrite.tmpDataPath=${data}`,
        `-remoteWrite.maxDiskUsagePerURL=${bytesPerLane}`,
        "-remoteWrite.retryMaxInterval=10s",
        // Not -usePromCompatibleNaming, which renames labels after the rules: a site could write its label once more, as another name.
        "-opentelemetry.usePrometheusNaming",
      ],
      environment: {},
    };
  },
  readyPath: "/health",
};
