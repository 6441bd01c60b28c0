import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CollectorName, CollectorService, RenderedFile } from "../collector";

/** One service with the folder of its files, and the title of the program whose package makes its user. */
export interface InstalledService extends CollectorService {
  readonly folder: string;
  readonly title: string;
}

interface InstallInput {
  readonly site: string;
  readonly collector: CollectorName;
  /** Absolute path at the site. */
  readonly directory: string;
  /** In the order in which they are started. */
  readonly services: readonly InstalledService[];
  /** The relay's port on loopback, and the file of authorities that its program needs; undefined without a relay. */
  readonly relay?: { readonly port: number; readonly authorities: string | undefined } | undefined;
  /** What lies in a folder is installed: `systemd/` to systemd's folder, all others to `directory`. */
  readonly files: readonly RenderedFile[];
}

/** The part that is the same for every script that installs a folder. */
export const commonInstallLines = readFileSync(join(__dirname, "install-common.sh"), "utf8");

/** The part that is the same for every site. A file of its own, so that editors and shellcheck know it for what it is. */
const body = readFileSync(join(__dirname, "install-body.sh"), "utf8");

/** The script that installs a site's files on its machine; POSIX shell with GNU's or BusyBox' tools. Holds no secret. */
export function installScript({ site, collector, directory, services, relay, files }: InstallInput): string {
  const serviceOf = (path: string): InstalledService => {
    const found = services.find(
      ({ unit, folder }) =>
        path.startsWith(`${folder}/`) || [".", "-"].some((next) => path.startsWith(`systemd/${unit}${next}`)),
    );
    if (found === undefined) {
      throw new Error(`${path} is of no service that is installed.`);
    }
    return found;
  };
  const installed = files.filter(({ path }) => path.includes("/"));
  const plain = installed.filter(({ mode }) => mode !== 0o600).map(({ path }) => path);
  const secrets = installed.filter(({ mode }) => mode === 0o600).map(({ path }) => path);
  const putSets = [...new Set(secrets.map((path) => dirname(path)))].map((folder) => {
    const { unit, user, rereadsSecrets } = serviceOf(`${folder}/`);
    const names = secrets.filter((path) => dirname(path) === folder).map((path) => basename(path));
    return ["put_set", unit, user, rereadsSecrets ? "yes" : "no", folder, ...names];
  });
  const puts = plain.map((path) => ["put", serviceOf(path).unit, path]);
  return `#!/bin/sh
# Installs the files of site ${site} on its machine, as root. Can be run as often as you like; changes only what differs.
#   sudo sh install.sh
#   sudo sh install.sh --remove ${collector}    removes what was installed for this collector before
# With DESTDIR=/some/folder all goes below that folder, for images, and systemd is told nothing.
set -eu
umask 022
export LC_ALL=C

site=${shellWord(site)}
collector=${shellWord(collector)}
directory=${shellWord(directory)}
services=${shellWord(services.map(({ unit }) => unit).join(" "))}
relay_port=${relay?.port ?? "''"}
authorities=${shellWord(relay?.authorities ?? "")}
checks=${shellWord(services.map(({ validator }) => checkCommand(validator)).join("\n"))}
files=${shellWord([...secrets, ...plain].join("\n"))}

check_users() {
${lines(services.map(({ user, title }) => ["check_user", user, title]))}
}

# Secrets before what names them.
put_files() {
${lines([...putSets, ...puts])}
}
${commonInstallLines}${body}`;
}

/** How a service's files are checked at the site. */
export const checkCommand = ({ program, args }: CollectorService["validator"]): string =>
  ["sudo", program, ...args].map(shellWord).join(" ");

/** One word for a shell's command line; left as it is where every shell reads it so. */
export const shellWord = (text: string): string =>
  /^[\w./:=@,+%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

const lines = (commands: readonly (readonly string[])[]): string =>
  commands.map((words) => `  ${words.map(shellWord).join(" ")}`).join("\n");
