import type { RenderedFile } from "../../collectors/collector";
import { systemdArgument } from "../../collectors/common/systemd";
import { stackFlags } from "../several-stacks";
import { plainFile, type PackagedHost, type Packaging } from "./packaging";

type TimerName = "keys" | "map" | "status";

interface Timer {
  readonly name: TimerName;
  readonly description: string;
  readonly words: readonly string[];
  /** Lines of [Timer]. */
  readonly when: readonly string[];
  /** Further lines of [Service]. */
  readonly service?: readonly string[];
}

/** What runs again and again on the central host, from a checkout of the project there, in the order of names. */
export function timerNames({ central }: Pick<PackagedHost, "central">): readonly TimerName[] {
  return central.identity === "off" ? ["status"] : ["keys", "map", "status"];
}

/**
 * Units of systemd for what has to run again and again: the gate's map of sites and the keys of Access, and the fleet's state for the
 * alarms. They are the same however the programs themselves are run.
 *
 * @param user that they run as, by name or number.
 */
export function timerUnits(host: PackagedHost, packaging: Packaging, user: string): readonly RenderedFile[] {
  const { central, folder, checkout } = host;
  const out = packaging.installed(folder);
  const run = packaging.runDirectory(folder);
  const textfiles = packaging.textfiles(folder);
  const stack = stackFlags(central.stackName);
  const gauges = central.stacks === undefined ? "sitepass.prom" : "sitepass-{stack}.prom";
  const timers: readonly Timer[] = [
    {
      name: "keys",
      description: "Fetches the keys of Cloudflare Access for the gate",
      words: ["central", "keys", ...stack, "--out", out, "--run", run, "--textfiles", textfiles],
      // Access changes its keys every six weeks, and the old one works for seven more days.
      when: ["OnActiveSec=1min", "OnCalendar=daily", "RandomizedDelaySec=1h", "Persistent=true"],
    },
    {
      name: "map",
      description: "Gives the gate the map of sites",
      words: ["central", "map", ...stack, "--out", out, "--run", run],
      // A site that the gate does not know yet waits: nothing of it is lost.
      when: ["OnBootSec=1min", "OnUnitInactiveSec=5min"],
    },
    {
      name: "status",
      description: "Writes the fleet's state for the alarms",
      words: ["status", ...stack, "--openmetrics", `${textfiles}/${gauges}`],
      when: ["OnBootSec=2min", "OnUnitInactiveSec=15min"],
      // 1: there is something to alarm about, which the alarms say.
      service: ["SuccessExitStatus=1"],
    },
  ];
  const wanted = timerNames(host);
  return timers
    .filter(({ name }) => wanted.includes(name))
    .flatMap(({ name, description, words, when, service = [] }) => [
      plainFile(
        `systemd/sitepass-${name}.service`,
        `# Rendered by sitepass.
[Unit]
Description=sitepass: ${description}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=${user}
WorkingDirectory=${checkout}
# What the stack's outputs and Cloudflare's API ask for, such as PULUMI_ACCESS_TOKEN and CLOUDFLARE_API_TOKEN.
EnvironmentFile=-${out}/credentials/timers.env
ExecStart=${["node", "bin/sitepass.cjs", ...words].map(systemdArgument).join(" ")}
${["TimeoutStartSec=10min", "Restart=on-failure", "RestartSec=5min", ...service].join("\n")}
UMask=0022
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=full
# Which makes /etc read-only, but for these.
ReadWritePaths=-${out}/gate -${textfiles}
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
CapabilityBoundingSet=
`,
      ),
      plainFile(
        `systemd/sitepass-${name}.timer`,
        `# Rendered by sitepass.
[Unit]
Description=sitepass: ${description}

[Timer]
${when.join("\n")}

[Install]
WantedBy=timers.target
`,
      ),
    ]);
}
