import { gateDirectory, gateSocket } from "../../fleet/config";
import type { RenderedFile } from "../../collectors/collector";
import { listOf } from "../../collectors/common/refusals-and-notes";
import { signals as signalTable } from "../../fleet/signals";
import { secretNames, type ProgramName } from "../central-host";
import { stackFlags, stackTitle, tokenName } from "../several-stacks";
import { centralImages, imageName } from "./images";
import { plainFile, type PackagedHost, type Packaging, type PackagingName } from "./packaging";
import { timerNames } from "./timers";

/** The page that lies beside the rendered files, for whoever looks after the central host. Holds no secret. */
export function centralReadme(host: PackagedHost, name: PackagingName, packaging: Packaging): RenderedFile {
  const sections = listOf(
    introduction(host),
    startSection(host, name, packaging),
    timerSection(host, name, packaging),
    lookSection(host, name),
    secretSection(host, name),
    originSection(host, name, packaging),
    changeSection(host, name),
    upgradeSection(host, name),
    !host.onlyGate && growSection(host),
    !host.onlyGate && moveSection,
    `## Files

Change nothing here that was rendered: the next rendering replaces it. Files of your own are left alone${
      name === "compose" ? ", compose.override.yaml among them" : ""
    }. \`.sitepass.json\` lists what was rendered.`,
  );
  return plainFile("README.md", `${sections.join("\n\n")}\n`);
}

function introduction({ central, programs, onlyGate }: PackagedHost): string {
  const titles = programs.map(({ title }) => title).join(", ");
  const means = {
    label: `A site can only write as itself: the label \`${central.siteLabel}\` of whatever it pushes is replaced by the name of the site whose token pushed.`,
    tenant:
      "A site can only write as itself: stores with tenants are told the site whose token pushed, in X-Scope-OrgID. A Loki with tenants asks them one after the other, so that a query over all sites takes as long as all of them together.",
    off: "There is no gate: whatever a site says of itself is believed (`sitepass:identity` is off).",
  }[central.identity];
  return `# ${onlyGate ? "The gate" : "The central host"} of ${stackTitle(central.stackName)}

Rendered by sitepass: ${titles}. ${means}`;
}

function startSection(host: PackagedHost, name: PackagingName, packaging: Packaging): string {
  const { central, folder, programs, checkout } = host;
  // Without keys the gate runs, and lets every push wait.
  const keys =
    central.identity === "off"
      ? ""
      : `(cd ${checkout} && npx sitepass central keys ${stackFlags(central.stackName).join(" ")} --out ${folder})\n`;
  if (name === "compose") {
    return `## Start

In this folder, on a machine with Docker and its Compose plugin, as the user whom this folder belongs to:

\`\`\`sh
${keys}docker compose up -d
docker compose ps
\`\`\`

\`.env\` names that user, as whom the containers run, and to whom all they write belongs: the data in \`data/\`, which is what to back up,
and the gate's sockets in \`run/\`. Whoever copies the folder to another machine renders it there, or puts \`id -u\` and \`id -g\` of
its new owner into \`.env\`. With rootless Docker that is 0:0: there, root of a container is you. No port is published, and everything
listens on networks between the containers alone.
`.trimEnd();
  }
  return `## Start

On the central host, with these programs on PATH (from the packages of their makers, or of Debian where they are new enough):

| program | written for |
|---|---|
${programs.map((program) => `| ${program.title} | ${releaseOf(program.name)} |`).join("\n")}

\`\`\`sh
${keys}sudo sh install.sh
\`\`\`

It copies to ${packaging.installed(folder)} and /etc/systemd/system, changes only what differs, and says which commands come next. It can be
run as often as you like. All programs listen on loopback alone. Units that packages bring along for the same programs are to be off.`;
}

const releaseOf = (name: ProgramName): string =>
  centralImages[name].version.replace(/^v/, "").replace(/-alpine$/, "");

function timerSection(host: PackagedHost, name: PackagingName, packaging: Packaging): string {
  const { checkout, folder, central } = host;
  const timers = timerNames(host);
  const units = timers.map((timer) => `sitepass-${timer}.timer`).join(" ");
  const does = {
    keys: "fetches the keys that Cloudflare Access signs with, once a day; where that fails the old ones stay, and an alarm comes before they are too old",
    map: "brings the map of sites to the gate, every five minutes; until then the gate asks a new site to wait, and loses nothing of it",
    status: "writes what `sitepass status` knows for the alarms, every fifteen minutes",
  };
  const where = `${packaging.installed(folder)}/credentials/timers.env`;
  const byHand = (command: "map" | "keys"): string =>
    `(cd ${checkout} && npx sitepass central ${command} ${stackFlags(central.stackName).join(" ")} --out ${folder})`;
  return `## What runs again and again

Timers of systemd run sitepass from a checkout of the project in ${checkout} (another place is named with \`--checkout\`):

${timers.map((timer) => `- sitepass-${timer} ${does[timer]}.`).join("\n")}

They need Node.js on systemd's PATH, \`npm ci\` in the checkout, and what reads the stack and Cloudflare's API, in
${where} (mode 0600), such as:

\`\`\`sh
PULUMI_ACCESS_TOKEN=...
${central.stacks === undefined ? "CLOUDFLARE_API_TOKEN=...\n" : ""}\`\`\`
${
  central.stacks === undefined
    ? ""
    : `
Each stack's token of Cloudflare's API comes from its own configuration, \`cloudflare:apiToken\`: one of the environment would be used for
all accounts.
`
}
${
  name === "compose"
    ? `\`\`\`sh
sudo cp systemd/* /etc/systemd/system/ && sudo systemctl daemon-reload
sudo systemctl enable --now ${units}
\`\`\``
    : `The checkout has to be readable to the user sitepass, whom \`install.sh\` makes.`
}${
    central.identity === "off"
      ? ""
      : `

Without them, after each \`pulumi up\` that made or removed a site, and once a week:

\`\`\`sh
${name === "compose" ? `${byHand("map")}\n${byHand("keys")}` : "sudo systemctl start sitepass-map sitepass-keys"}
\`\`\``
  }`;
}

function lookSection(host: PackagedHost, name: PackagingName): string {
  if (host.onlyGate) {
    return `## Look

The gate shows at port 9471 what it does: requests, bytes and refusals of each site at path /metrics/sites, and the state of the stores
behind it at /metrics. Let your Prometheus scrape both${
      name === "compose"
        ? `. Where that,
or a store, runs in containers of another project, join its network by a file \`compose.override.yaml\` of your own:

\`\`\`yaml
services:
  gate:
    networks: [theirs]
networks:
  theirs: { external: true, name: monitoring_default }
\`\`\``
        : "."
    }`;
  }
  const reach =
    name === "compose"
      ? `Grafana is not published. Let it be on the central host's loopback, by a file \`compose.override.yaml\` of your own:

\`\`\`yaml
services:
  grafana:
    ports: ["127.0.0.1:3000:3000"]
    networks: [people]
networks:
  people: {}
\`\`\`

After \`docker compose up -d\``
      : "Grafana listens on loopback. There";
  return `## Look

${reach}, \`ssh -L 3000:127.0.0.1:3000\` to the central host brings it to http://localhost:3000 of your own machine. The user is admin,
with the password in credentials/grafana-password, which was made once and holds for the first start. To let people in without ssh, give
Grafana a host name and an Access application of its own, for people; never a path of a host name that sites push to.`;
}

const secretMeanings: Readonly<Record<(typeof secretNames)[number], string>> = {
  "tunnel-token": "the tunnel's token; rendered from the stack's outputs",
  "heartbeat-url":
    "put there by you: an address outside that is called as long as alarms work, and alarms when it is not, such as https://hc-ping.com/...",
  "alert-url": "put there by you: the address that alarms are posted to (Alertmanager's webhook)",
  "mail-password": "put there by you: the password of `sitepass:central`'s mail server",
  "grafana-password": "made once: the first password of Grafana's user admin",
};

function secretSection({ programs, onlyGate }: PackagedHost, name: PackagingName): string {
  if (onlyGate) {
    return `## Secrets

The gate has none. \`credentials/timers.env\`, put there by you, is for the timers; see above.`;
  }
  const lines = secretNames.flatMap((secret) => {
    const connectors = programs.filter(({ name: program }) => program === "cloudflared");
    const means = secretMeanings[secret];
    return secret !== "tunnel-token"
      ? `- \`${secret}\`: ${means}.`
      : connectors.map(({ stack }) =>
          stack === undefined
            ? `- \`${secret}\`: ${means}.`
            : `- \`${tokenName(stack)}\`: ${means} (stack ${stack}).`,
        );
  });
  return `## Secrets

In \`credentials/\`, one a file, mode 0600, readable to their owner alone:

${[...lines, "- `timers.env`: put there by you, see above."].join("\n")}

After putting one there render again, and ${name === "compose" ? "`docker compose up -d`" : "`sudo sh install.sh`"}: what is not there is left out of the
configuration. None of them stands in any other file here or in a command line, and only \`timers.env\` is put into the environment of a program: of
the timers' own.`;
}

function originSection(host: PackagedHost, name: PackagingName, packaging: Packaging): string | undefined {
  const { central, folder, onlyGate } = host;
  if (central.identity === "off") {
    return undefined;
  }
  const directory = onlyGate ? packaging.runDirectory(folder) : gateDirectory;
  const keys = central.signals.map(
    ({ signal }) => `- ${signalTable[signal].title}: \`unix:${gateSocket(signal, directory)}\``,
  );
  return `## Where the tunnel leads

cloudflared hands pushes to the gate by sockets, one a signal, as \`sitepass:endpoints\` has it in \`origin\`:

${keys.join("\n")}

Start the gate first, and change origins and run \`pulumi up\` then: in this order no push is lost.${
    onlyGate
      ? ` Your cloudflared needs to be able to enter ${directory}${name === "compose" ? ", and runs as root or as this folder's owner" : ", and runs as root or in the group sitepass"}.`
      : ""
  }`;
}

function changeSection({ central, folder, checkout, onlyGate }: PackagedHost, name: PackagingName): string {
  const options = listOf(
    stackFlags(central.stackName).join(" "),
    name === "systemd" && "--as systemd",
    onlyGate && "--only gate",
    `--out ${folder}`,
  );
  return `## After a change

\`\`\`sh
(cd ${checkout} && npx sitepass central ${options.join(" ")})
\`\`\`

renders again, touches only what differs, and says which programs have to take it in. ${
    central.identity === "off"
      ? "A new site needs no more than the alarms' list of sites"
      : onlyGate
        ? "A new site needs no more than the map"
        : "A new site needs no more than the map and the alarms' list of sites"
  }; ${
    name === "compose"
      ? "`docker compose up -d` starts what changed in compose.yaml itself."
      : "`sudo sh install.sh` says what to reload."
  }`;
}

function upgradeSection({ programs }: PackagedHost, name: PackagingName): string {
  return name === "compose"
    ? `## Upgrade

Images are pinned by version and digest; a newer sitepass renders newer ones. Look at \`git diff\` or the releases' notes, then
\`docker compose pull && docker compose up -d\`. Pushes wait at the sites meanwhile.

${programs.map((program) => `- ${imageName(centralImages[program.name])}`).join("\n")}`
    : `## Upgrade

Programs are upgraded by their packages. Render again with the sitepass that knows them, and run \`sudo sh install.sh\`. Pushes wait at the
sites meanwhile.`;
}

function growSection({ central }: PackagedHost): string {
  return `## When one host is not enough

For the sites nothing changes: host names, paths and tokens stay.

- Metrics into Mimir or Thanos Receive: name its write path in \`sitepass:central\`, \`{ stores: { metrics: { url } } }\`, render and restart the gate${
    central.identity === "tenant" ? "; it is told the site as its tenant" : ""
  }.
- Logs into a Loki cluster: likewise, \`{ stores: { logs: { url } } }\`.
- More connectors: with stores elsewhere, this folder runs on a second machine as it is, with the same token. Cloudflare spreads the
  requests over up to 25 connectors; each gate counts the limits of a site for itself.`;
}

const moveSection = `## Move from stores that are there already

Keep them: \`npx sitepass central --only gate\` renders the gate alone, to be put before them. Or let both run for as long as your retention
is: let Prometheus read the old one by \`remote_read\`, or move its blocks by copying the folders named by 26 letters and digits from its
data folder into the new one while both stand still. Loki's chunks and index move as a whole, with the same \`schema_config\`.`;
