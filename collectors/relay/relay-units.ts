import type { RenderedFile } from "../collector";
import type { RelayInput } from "./relay";

export const relayUnit = "sitepass-relay";

/** The folder for the running relay's own files. By default the unit makes it, in memory, by `RuntimeDirectory=`. */
export const runtimeDirectoryOf = ({ runtimeDirectory = `/run/${relayUnit}` }: RelayInput): string =>
  runtimeDirectory;

const reloadUnit = `${relayUnit}-reload`;

/**
 * The relay's unit, and units that reload it as soon as its configuration or credentials were replaced. Programs are
 * named without a path, and systemd looks them up: distributions differ in where they are.
 *
 * @param title how people write the program's name.
 * @param service lines of the section [Service] that are the program's own.
 * @param timer lines of a section [Timer] by which the relay is reloaded, too.
 */
export function relayUnits(
  directory: string,
  title: string,
  service: readonly string[],
  timer?: readonly string[],
): readonly RenderedFile[] {
  const helpers = timer === undefined ? `${reloadUnit}.path` : `${reloadUnit}.path ${reloadUnit}.timer`;
  const units = {
    [`${relayUnit}.service`]: `[Unit]
Description=sitepass relay (${title}): adds this site's credentials to its pushes
Wants=network-online.target ${helpers}
After=network-online.target nss-lookup.target
# A site whose line or name server is down for hours still gets its relay back.
StartLimitIntervalSec=0

[Service]
${service.join("\n")}
Restart=always
RestartSec=5
RuntimeDirectory=${relayUnit}
UMask=0077
MemoryMax=512M
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=${/^\/(?:home|root|run\/user)\//.test(directory) ? "read-only" : "yes"}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
# Netlink is how the system's resolver finds out which addresses the machine has.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`,
    [`${reloadUnit}.service`]: `[Unit]
Description=Lets the sitepass relay take its files in again
StartLimitIntervalSec=0

[Service]
Type=oneshot
# A name server that is not reached keeps nginx from reloading.
Restart=on-failure
RestartSec=60
# What is installed together is taken in together; a change that comes while this runs would not be noticed.
ExecStartPre=sleep 2
ExecStart=systemctl try-reload-or-restart ${relayUnit}.service
`,
    [`${reloadUnit}.path`]: `[Unit]
Description=Watches the files of the sitepass relay
PartOf=${relayUnit}.service

[Path]
# The folders themselves: files and the link to the current credentials are replaced in them, not written to.
PathChanged=${directory}/relay
PathChanged=${directory}/relay/credentials
`,
    ...(timer && {
      [`${reloadUnit}.timer`]: `[Unit]
Description=Reloads the sitepass relay now and then
PartOf=${relayUnit}.service

[Timer]
${timer.join("\n")}
`,
    }),
  };
  return Object.entries(units).map(([name, content]) => ({
    path: `systemd/${name}`,
    mode: 0o644,
    content: `# Rendered by sitepass.\n${content}`,
  }));
}
