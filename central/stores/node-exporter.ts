import type { CentralProgram } from "../central-host";
import { listenAddress } from "./addresses";

/** How full the disks are, and the files that `sitepass status`, `central keys` and the like leave. */
export const nodeExporter: CentralProgram = {
  name: "node-exporter",
  title: "node_exporter",
  isNeeded: () => true,
  files: () => [],
  command: (_central, places) => ({
    program: "node_exporter",
    args: [
      `--web.listen-address=${listenAddress(places.programs["node-exporter"])}`,
      "--collector.disable-defaults",
      ...["cpu", "filesystem", "loadavg", "meminfo", "textfile", "time", "uname"].map(
        (name) => `--collector.${name}`,
      ),
      `--collector.textfile.directory=${places.textfiles}`,
      // Also those that a container brings along: only what can fill up is of interest.
      "--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tmpfs|tracefs)$",
    ],
    environment: {},
  }),
  readyPath: "/",
};
