import { gateDirectory } from "../../fleet/config";
import { placesBy } from "../places";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RenderedFile } from "../../collectors/collector";
import { systemdArgument } from "../../collectors/common/systemd";
import { commonInstallLines, shellWord } from "../../collectors/site-folder/install-script";
import { type CentralHost, type CentralProgram, type Places, type ProgramName } from "../central-host";
import { secretNamesOf, serviceName, stackTitle } from "../several-stacks";
import { centralImages } from "./images";
import { plainFile, reloadSignals, secretsOf, type PackagedHost, type Packaging } from "./packaging";
import { timerNames } from "./timers";

const installed = "/etc/sitepass/central";
const state = "/var/lib/sitepass";
const textfiles = `${state}/textfiles`;

/** Whoever shares the gate's sockets, and the timers that speak to them. */
export const gateUser = "sitepass";
const exporterUser = "sitepass-exporter";

const unitOf = (program: Pick<CentralProgram, "name" | "stack">): string =>
  `sitepass-${serviceName(program)}.service`;

/**
 * Everything on loopback of the central host. A unit's secrets lie in a folder that only it can see, which systemd fills and files of
 * configuration may name (systemd.exec(5), LoadCredential).
 */
const systemdPlaces = (program: Pick<CentralProgram, "name" | "stack">): Places =>
  placesBy(
    (one) => ({
      host: "127.0.0.1",
      bind: "127.0.0.1",
      files: `${installed}/${one}`,
      data: `${state}/${one}`,
    }),
    { run: gateDirectory, credentials: `/run/credentials/${unitOf(program)}`, textfiles },
  );

/** Units of systemd, for programs that are installed from packages. */
export const systemd: Packaging = {
  placesOf: systemdPlaces,
  render: (host) => [
    ...host.programs.map((program) => plainFile(`systemd/${unitOf(program)}`, unitText(program, host))),
    plainFile(
      "sysusers/sitepass-central.conf",
      `# Rendered by sitepass.
u ${gateUser} - "sitepass gate, connector and timers" ${state}/home
u ${exporterUser} - "sitepass node_exporter" /
`,
    ),
  ],
  runDirectory: () => gateDirectory,
  textfiles: () => textfiles,
  installed: () => installed,
};

/** Other names of a program's file: those of Debian's packages, and of release archives. */
const otherNames: Readonly<Partial<Record<ProgramName, readonly string[]>>> = {
  alertmanager: ["prometheus-alertmanager"],
  "node-exporter": ["prometheus-node-exporter"],
  vmagent: ["vmagent-prod", "victoria-metrics-vmagent"],
  loki: ["loki-linux-amd64", "loki-linux-arm64"],
};

/** Started after these, where they run. */
const after: Readonly<Partial<Record<ProgramName, readonly ProgramName[]>>> = {
  cloudflared: ["gate"],
  gate: ["vmagent", "alloy", "prometheus", "loki"],
  vmagent: ["prometheus"],
  alloy: ["loki"],
  grafana: ["prometheus", "loki"],
};

/** What each unit does without, node_exporter aside, whose view of the file systems these would change. */
const ownView = [
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
];

function unitText(program: CentralProgram, host: PackagedHost): string {
  const { central, programs } = host;
  const { name, title } = program;
  const { program: file, args, environment } = program.command(central, systemdPlaces(program));
  const secrets = secretsOf(program, central, systemd);
  const earlier = (after[name] ?? []).flatMap((other) =>
    programs.filter((one) => one.name === other).map(unitOf),
  );
  const signal = reloadSignals[name];
  return `# Rendered by sitepass.
[Unit]
Description=sitepass central host: ${title}
Wants=network-online.target
After=${["network-online.target", "nss-lookup.target", ...earlier].join(" ")}
# However long something is wrong, it is tried again.
StartLimitIntervalSec=0

[Service]
Type=exec
${[
  ...userLines(name),
  ...Object.entries(environment).map(([key, value]) => `Environment=${systemdArgument(`${key}=${value}`)}`),
  ...secrets.map((secret) => `LoadCredential=${secret}:${installed}/credentials/${secret}`),
  `ExecStart=${[file, ...args.map(systemdArgument)].join(" \\\n  ")}`,
  ...(signal === undefined ? [] : [`ExecReload=kill -${signal} $MAINPID`]),
].join("\n")}
Restart=always
RestartSec=5
TimeoutStopSec=${centralImages[name].stopSeconds}
UMask=0077
NoNewPrivileges=yes
${name === "node-exporter" ? "" : `${ownView.join("\n")}\n`}CapabilityBoundingSet=
# Netlink is how a program finds out which addresses the machine has.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`;
}

function userLines(name: ProgramName): readonly string[] {
  switch (name) {
    case "gate":
      return [
        `User=${gateUser}`,
        "RuntimeDirectory=sitepass",
        "RuntimeDirectoryMode=0750",
        // Who waits at the sockets finds the folder again.
        "RuntimeDirectoryPreserve=yes",
      ];
    case "cloudflared":
      return [`User=${gateUser}`];
    case "node-exporter":
      return [`User=${exporterUser}`];
    default:
      return ["DynamicUser=yes", `StateDirectory=sitepass/${name}`, "StateDirectoryMode=0700"];
  }
}

/** The part of the script that is the same for every central host. */
const body = readFileSync(join(__dirname, "install-body.sh"), "utf8");

/** The script that installs the folder on the central host; POSIX shell with GNU's tools. Holds no secret. */
export function installScript(host: PackagedHost, files: readonly RenderedFile[]): RenderedFile {
  const { central, programs } = host;
  const plain = files.filter(({ path, mode }) => mode === 0o644 && path.includes("/"));
  const lines = programs.map((program) => {
    const { name } = program;
    const { program: file } = program.command(central, systemdPlaces(program));
    return [
      "program",
      unitOf(program),
      reloadSignals[name] === undefined ? "restart" : "reload",
      file,
      ...(otherNames[name] ?? []),
    ];
  });
  return plainFile(
    "install.sh",
    `#!/bin/sh
# Installs the central host of ${stackTitle(central.stackName)} on this machine, as root. Can be run as often as you like; changes only what differs.
#   sudo sh install.sh
# With DESTDIR=/some/folder all goes below that folder, for images, and systemd is told nothing.
set -eu
umask 022
export LC_ALL=C

stack=${shellWord(central.stackName)}
directory=${installed}
state=${state}
gate_user=${gateUser}
secrets=${shellWord([...secretNamesOf(central), "timers.env"].join(" "))}
timers=${shellWord(
      timerNames(host)
        .map((name) => `sitepass-${name}.timer`)
        .join(" "),
    )}
needs_keys=${needsKeys(central) ? "yes" : "no"}
files=${shellWord(plain.map(({ path }) => path).join("\n"))}

# Each program: its unit, how it takes changed files in, and the names that its file may have.
programs() {
${lines.map((words) => `  ${words.map(shellWord).join(" ")}`).join("\n")}
}
${commonInstallLines}${body}`,
  );
}

const needsKeys = ({ identity }: CentralHost): boolean => identity !== "off";
