import type { CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { isAtLeast } from "./release-version";
import { siteLabels } from "./site-labels";
import { startOrder, systemdArgument } from "./systemd";

interface UnitInput {
  readonly site: CollectorSite;
  readonly placement: Placement;
  readonly release: CollectorRelease;
  /** Where samples are pushed to. */
  readonly url: string;
  /** Relative to the placement's folder. */
  readonly environmentFile: string;
}

const stateDirectory = "/var/lib/sitepass-vmagent";

/** A whole unit, because no package brings one. */
export function vmagentUnit({ site, placement, release, url, environmentFile }: UnitInput): RenderedFile {
  const bare = placement.credentials !== undefined;
  const args = [
    `-promscrape.config=${placement.directory}/vmagent/scrape.yml`,
    "-httpListenAddr=127.0.0.1:8429",
    `-remoteWrite.url=${url}`,
    "-remoteWrite.forcePromProto",
    ...siteLabels(site).map(([name, value]) => `-remoteWrite.label=${quoted(`${name}=${value}`)}`),
    `-remoteWrite.tmpDataPath=${stateDirectory}`,
    "-remoteWrite.maxDiskUsagePerURL=5GB",
    "-remoteWrite.sendTimeout=30s",
    "-remoteWrite.queues=1",
    ...(bare ? ["-envflag.enable"] : []),
    // Later releases hide them from log and /flags without being told.
    ...(bare && isAtLeast(release, "1.128.0") && !isAtLeast(release, "1.144.0")
      ? ["-secret.flags=remoteWrite.headers"]
      : []),
  ];
  return {
    path: "systemd/sitepass-vmagent.service",
    mode: 0o644,
    content: `# Rendered by sitepass.
[Unit]
Description=vmagent: pushes this site's metrics
${startOrder(placement).join("\n")}
# A site whose line or name server is down for hours still gets its collector back.
StartLimitIntervalSec=0

[Service]
Type=exec
DynamicUser=yes
StateDirectory=sitepass-vmagent
${
  bare
    ? `# vmagent takes headers from no file: this one sets them in its environment, and nobody but root can read it.
EnvironmentFile=${placement.directory}/${environmentFile}
`
    : ""
}# What cannot be sent waits on disk, up to 5 GB and over restarts; then the oldest is dropped.
# One queue, so that samples arrive in their order. vmagent listens on all addresses unless it is told where.
ExecStart=${["vmagent", ...args].map(systemdArgument).join(" \\\n  ")}
ExecReload=kill -HUP $MAINPID
Restart=always
RestartSec=5
NoNewPrivileges=yes
PrivateDevices=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`,
  };
}

/**
 * A value of a flag that takes a list, which commas part, in Go's quotes; JSON's strings are a part of Go's. A percent sign
 * is escaped in them, because `%{` begins an expansion in every argument (lib/flagutil/array.go, lib/envflag, lib/envtemplate).
 */
function quoted(value: string): string {
  return JSON.stringify(value).replaceAll("%", "\\x25");
}
