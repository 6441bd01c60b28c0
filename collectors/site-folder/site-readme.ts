import type { Site } from "../../fleet/sites";
import type { Collector, CollectorRelease } from "../collector";
import { checkCommand, type InstalledService } from "./install-script";

interface ReadmeInput {
  readonly site: Site;
  readonly collector: Collector;
  readonly release: CollectorRelease;
  readonly directory: string;
  readonly notes: readonly string[];
  /** In the order in which they are started; the relay before the collector. */
  readonly services: readonly InstalledService[];
}

/** The page that lies beside the rendered files: for the person at the site, who may have nothing else. Holds no secret. */
export function siteReadme({ site, collector, release, directory, notes, services }: ReadmeInput): string {
  const relay = services.find(({ folder }) => folder === "relay");
  const units = services.map(({ unit }) => unit).join(" ");
  const restarted = services.filter(({ rereadsSecrets }) => !rereadsSecrets).map(({ unit }) => unit);
  return `# ${site.name}: ${collector.title}

${site.description === undefined ? "" : `${site.description}\n\n`}Rendered by sitepass for ${collector.title} ${release.version}${
    relay === undefined
      ? ". The collector pushes to the public hosts itself, with the credentials in files that only it can read."
      : `, behind the relay on this machine. The collector pushes to the relay on loopback; the relay (${relay.title}) adds the site's
credentials, and answers 503 to whatever would make the collector throw data away.`
  }

## Install, check, start

In this folder, on a machine where ${services.map(({ title }) => title).join(" and ")} ${services.length === 1 ? "is" : "are"} installed:

\`\`\`sh
sudo sh install.sh
${services.map(({ validator }) => checkCommand(validator)).join(" && ")}
sudo systemctl enable ${units} && sudo systemctl restart ${units}
\`\`\`

\`install.sh\` copies to ${directory} and /etc/systemd/system, changes only what differs, and says what it did and which of the other
two commands are needed. It can be run as often as you like. \`sudo sh install.sh --remove ${collector.name}\` takes everything away again.

## After a rotation

Replace this folder with the newly rendered one and run \`sudo sh install.sh\` again: it swaps the credentials together, in one step.
${
  restarted.length === 0
    ? "Nothing needs a restart: the new secret is taken from its file. Do not restart a collector that has a backlog; many lose it."
    : `Then \`sudo systemctl restart ${restarted.join(" ")}\`: it reads its secret only when it starts.`
}
${notes.length === 0 ? "" : `\n## What to know\n\n${notes.map((note) => `- ${note}`).join("\n")}\n`}
## Files

Folders named \`credentials\` hold the secrets, readable to one user alone. Where they are links, \`..data\` leads to the current ones,
so that a reader always finds an ID and a secret of one pair. Never copy a secret elsewhere, and delete this folder where it is not
needed any more. Change nothing here: the next rendering replaces it. Files of your own are left alone.
`;
}
