import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { listOf } from "../collectors/common/refusals-and-notes";
import { orThrow, failure, throwIfAny, type Problem } from "../fleet/problem";
import { isSystemError, systemReason, systemRemedy } from "../fleet/system-errors";
import { Disk, kindOf, modeOf } from "../handover/disk";
import {
  centralFolder,
  folderProblems,
  renderedBefore,
  renderedFor,
  wouldBeCommitted,
  writeFolder,
  type FolderContent,
  type FolderFile,
  type WrittenFolder,
} from "../handover/rendered-folder";
import type { OpenStack } from "../stack/open-stack";
import type { CentralHost, CentralProgram, SecretName } from "./central-host";
import { ensureKeyFiles, holdsKeys } from "./gate/access-keys";
import { writableFolders } from "./packaging/compose";
import { folderFiles } from "./packaging/folder-files";
import { nextSteps } from "./packaging/next-steps";
import type { PackagedHost, PackagingName } from "./packaging/packaging";
import { packagings } from "./packaging/packagings";
import { programsOf } from "./programs";
import { readCentralHost, readCentralHosts } from "./read-central-host";
import { secretNamesOf, stackFlags, teamsOf, tokenName, type SeveralStacks } from "./several-stacks";
import { ownLabels } from "./stores/addresses";

export interface CentralOptions {
  /** The folder that is written to. */
  readonly out: string;
  readonly as: PackagingName;
  /** The gate, and what it needs before stores that are there already. */
  readonly only?: "gate";
  /** The project's checkout on the central host, from which timers run. */
  readonly checkout: string;
}

/** What was rendered. */
export interface RenderedCentral extends WrittenFolder {
  readonly path: string;
  readonly as: PackagingName;
  readonly identity: CentralHost["identity"];
  readonly programs: readonly Pick<CentralProgram, "name" | "title">[];
  /** Commands that bring it to the programs, in their order. */
  readonly next: readonly string[];
}

/**
 * Renders the folder of a central host from a stack, or from several whose sites push to it. Nothing is written unless all of it can be.
 *
 * Secrets that a person put there stay, and so does Grafana's first password once it is made. The tunnel's token follows the stack.
 *
 * @param read what the central host is made from; tests hand in another.
 * @throws UserError with everything that keeps it from being rendered; then nothing was changed.
 */
export async function renderCentral(
  stacks: readonly [OpenStack, ...OpenStack[]],
  options: CentralOptions,
  read: typeof readCentralHost = readCentralHost,
): Promise<{ readonly central: RenderedCentral; readonly warnings: readonly Problem[] }> {
  const folder = resolve(options.out);
  const several = stacks.length > 1 ? { stacks: stacks.map(({ stackName }) => ({ name: stackName })) } : {};
  const tokens: FolderFile[] = [];
  for (const stack of stacks) {
    const { tunnelToken } = await stack.outputs();
    if (tunnelToken !== undefined && options.only === undefined) {
      const name = tokenName(stacks.length > 1 ? stack.stackName : undefined);
      tokens.push({ path: `credentials/${name}`, mode: 0o600, content: tunnelToken });
    }
  }
  const before = await unlessDenied(folder, () => renderedBefore(folder, centralFolder));
  const found = await unlessDenied(folder, () => secretsIn(folder, before, options, several));
  const secrets = new Set<SecretName>([
    ...found.names,
    ...secretNamesOf(several).filter((name) => tokens.some(({ path }) => path === `credentials/${name}`)),
  ]);
  const central = await readCentralHosts(stacks, secrets, read);
  const host = packagedHost(central, folder, options);
  throwIfAny(hostProblems(host, options));
  const content: FolderContent = {
    kind: centralFolder,
    name: central.stackName,
    files: [...folderFiles(host, options.as), ...tokens, ...secretFiles(options, before, folder)],
  };
  throwIfAny(await unlessDenied(folder, () => folderProblems(folder, content)));
  const written = await unlessDenied(folder, () => write(folder, content, host, options));
  return {
    central: {
      path: options.out,
      as: options.as,
      identity: central.identity,
      programs: host.programs.map(({ name, title }) => ({ name, title })),
      ...written,
      next: nextSteps({
        packaging: options.as,
        folder: options.out,
        programs: host.programs,
        isNew: before.length === 0,
        changed: [...written.written, ...written.removed],
        hasKeys: holdsKeys(folder, teamsOf(central)),
        stackName: central.stackName,
      }),
    },
    warnings: [
      ...found.warnings,
      ...configurationWarnings(host),
      ...originWarnings(host, options),
      ...folderWarnings(host, options),
    ],
  };
}

function packagedHost(
  central: CentralHost,
  folder: string,
  { only, checkout }: CentralOptions,
): PackagedHost {
  const onlyGate = only === "gate";
  const found = statSync(folder, { throwIfNoEntry: false });
  return {
    central,
    programs: programsOf(central).filter(
      ({ name }) => !onlyGate || ["gate", "vmagent", "alloy"].includes(name),
    ),
    onlyGate,
    folder,
    checkout: resolve(checkout),
    owner: {
      uid: found?.uid ?? process.getuid?.() ?? 0,
      gid: found?.gid ?? process.getgid?.() ?? 0,
    },
  };
}

/** Loopback of a container is its own. */
const isLoopback = (url: URL): boolean => /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname);

function hostProblems(
  { central, onlyGate, folder, checkout }: PackagedHost,
  { as }: CentralOptions,
): readonly Problem[] {
  const { identity, ownStores, signals, siteLabel } = central;
  const quoted = (option: string, path: string): Problem | undefined =>
    /^(?:\/[\w.@+-]+)+$/.test(path)
      ? undefined
      : {
          subject: option,
          says: `is "${path}", and Docker, the shell and systemd quote paths differently`,
          todo: "Name a path of letters, digits and ._@+- alone",
        };
  return listOf<Problem>(
    quoted("--out", folder),
    quoted("--checkout", checkout),
    ownLabels.includes(siteLabel) && {
      subject: "sitepass:siteLabel",
      says: `is "${siteLabel}", which means something else in the rules of the central host`,
      todo: "Rename it, such as to site_name",
    },
    onlyGate &&
      identity === "off" && {
        subject: "--only",
        says: "is gate, and sitepass:identity is off, which has none",
        todo: "Set sitepass:identity to label or tenant, or leave it out",
      },
    ...(onlyGate
      ? signals
          .filter(({ signal }) => ownStores[signal] === undefined)
          .map(({ signal }) => ({
            subject: "--only",
            says: `is gate, and sitepass:central names no store of yours for ${signal}`,
            todo: `Set stores.${signal}.url in it, as in http://${signal === "metrics" ? "mimir:8080/api/v1/push" : "loki:3100/loki/api/v1/push"}`,
          }))
      : []),
    ...signals.map(({ signal }) => {
      const url = ownStores[signal]?.url;
      return (
        as === "compose" &&
        url !== undefined &&
        isLoopback(url) && {
          subject: `sitepass:central.stores.${signal}.url`,
          says: `is ${url.href}, and in a container ${url.hostname} is the container itself`,
          todo: "Write host.docker.internal in its place, and let the store listen there; or render with --as systemd",
        }
      );
    }),
  );
}

/** Secrets that lie in the folder, and will after this; what a person put there counts where it holds something. */
function secretsIn(
  folder: string,
  before: readonly string[],
  { only }: CentralOptions,
  several: SeveralStacks,
): { readonly names: readonly SecretName[]; readonly warnings: readonly Problem[] } {
  const names: SecretName[] = only === "gate" ? [] : ["grafana-password"];
  const warnings: Problem[] = [];
  for (const name of secretNamesOf(several)) {
    const path = join(folder, "credentials", name);
    const isOurs = before.includes(`credentials/${name}`);
    if (kindOf(path) !== "file" || isOurs || only === "gate") {
      continue;
    }
    if (readFileSync(path, "utf8").trim() === "") {
      warnings.push({
        subject: path,
        says: "is empty, and is left out of the configuration",
        todo: "Put the secret in and render again, or delete the file",
      });
    } else if (!names.includes(name)) {
      names.push(name);
    }
    if (((modeOf(path) ?? 0) & 0o077) !== 0) {
      warnings.push({
        subject: path,
        says: `may be read by others (mode ${(modeOf(path) ?? 0).toString(8)})`,
        todo: `Run \`chmod 600\` on it`,
      });
    }
  }
  return { names, warnings };
}

function secretFiles(
  { only }: CentralOptions,
  before: readonly string[],
  folder: string,
): readonly FolderFile[] {
  const password = "credentials/grafana-password";
  // One that a person put there before the first rendering is theirs.
  const isTheirs = kindOf(join(folder, password)) === "file" && !before.includes(password);
  return listOf<FolderFile>(
    // Grafana knows it for good: one that was made stays, also while the gate alone is rendered.
    (only === undefined || before.includes(password)) &&
      !isTheirs && {
        path: password,
        mode: 0o600,
        content: randomBytes(24).toString("base64url"),
        once: true,
      },
  );
}

function write(
  folder: string,
  content: FolderContent,
  { central, programs }: PackagedHost,
  { as }: CentralOptions,
): WrittenFolder {
  const disk = new Disk();
  const written = writeFolder(folder, content);
  const hasGate = programs.some(({ name }) => name === "gate");
  for (const { path, mode } of [
    ...(hasGate ? [{ path: "gate", mode: 0o755 }] : []),
    ...(as === "compose" ? writableFolders(programs) : []),
  ]) {
    disk.makeFolder(join(folder, path));
    if (modeOf(join(folder, path)) !== mode) {
      disk.setMode(join(folder, path), mode);
    }
  }
  if (hasGate) {
    ensureKeyFiles(folder, teamsOf(central));
  }
  return written;
}

/**
 * Makes sure that a folder is one that this stack's gate runs from, before its map or keys are replaced: with those of another stack the
 * gate would know none of its sites.
 *
 * @throws UserError when no gate was rendered there, nor installed from what was, or when it is another stack's.
 */
export function throwUnlessRendered(folder: string, stackName: string): void {
  const holder = renderedFor(folder, centralFolder) ?? installedFor(folder);
  throwIfAny(
    listOf<Problem>(
      kindOf(join(folder, "gate/haproxy.cfg")) !== "file" && {
        subject: folder,
        says: "holds no gate",
        todo: "Run `sitepass central` first, with sitepass:identity label or tenant, or name its folder with --out",
      },
      holder !== undefined &&
        holder !== stackName && {
          subject: folder,
          says: `holds the gate of ${titleOf(holder)}, and this is ${titleOf(stackName)}`,
          todo: `Add \`${stackFlags(holder).join(" ")}\`, or name another folder with --out`,
        },
    ),
  );
}

/** Whose host install.sh has put there: the first line of its record says. */
function installedFor(folder: string): string | undefined {
  const record = join(folder, ".installed");
  return kindOf(record) === "file" ? /^stack (\S+)$/m.exec(readFileSync(record, "utf8"))?.[1] : undefined;
}

const titleOf = (name: string): string =>
  name.includes("+") ? `stacks ${name.split("+").join(", ")}` : `stack ${name}`;

/** What is configured and would do nothing, or less than it seems to. */
function configurationWarnings({ central, programs }: PackagedHost): readonly Problem[] {
  const { identity, ownStores, mail, alertEmails, secrets } = central;
  const subject = "sitepass:central.mail";
  const tellsOfAlarms = programs.some(({ name }) => name === "alertmanager");
  return listOf<Problem>(
    identity === "tenant" &&
      ownStores.metrics?.takesExtraLabel === false &&
      ownStores.metrics.url.pathname.endsWith("/api/v1/write") && {
        subject: "sitepass:central.stores.metrics.url",
        says: `is ${ownStores.metrics.url.href}, the path of Prometheus, which has no tenants, so that any site can write as any other`,
        todo: "Set sitepass:identity to label, unless what stands there goes by X-Scope-OrgID",
      },
    tellsOfAlarms &&
      mail?.user !== undefined &&
      !secrets.has("mail-password") && {
        subject,
        says: "names a user, and credentials/mail-password is not there, so that no alarm is sent by e-mail",
        todo: "Put the password there and render again, or leave the user out",
      },
    tellsOfAlarms &&
      mail !== undefined &&
      alertEmails.length === 0 && {
        subject,
        says: "names a server, and sitepass:alertEmails names nobody, so that no alarm is sent by e-mail",
        todo: "Set sitepass:alertEmails, or leave mail out",
      },
  );
}

/** Where the tunnel leads, against where it has to for what was rendered. */
function originWarnings(host: PackagedHost, { as, out }: CentralOptions): readonly Problem[] {
  const { central, onlyGate, folder, programs } = host;
  const sockets = onlyGate ? packagings[as].runDirectory(folder) : "/run/sitepass";
  return originsOf(central).flatMap(({ stack, signal, origin }) => {
    const subject = `${stack === undefined ? "" : `stack ${stack}: `}sitepass:endpoints.${signal}.origin`;
    if (central.identity !== "off") {
      const wanted = `unix:${sockets}/${signal}.sock`;
      return origin === wanted
        ? []
        : {
            subject,
            says: `leads to ${origin} as the last \`up\` left it, ${origin.startsWith("unix:") ? "where this gate does not listen" : "past the gate, so that any site can write as any other"}`,
            todo: `Start what is in ${out} first; when the gate runs, make it ${wanted}, and run \`pulumi up\`: in this order no push is lost`,
          };
    }
    const program = signal === "metrics" ? ("prometheus" as const) : ("loki" as const);
    const runsHere = programs.some(({ name }) => name === program);
    const store =
      central.ownStores[signal]?.url.origin ??
      `http://${as === "compose" ? program : "localhost"}:${program === "prometheus" ? 9090 : 3100}`;
    if (origin.startsWith("unix:")) {
      return {
        subject,
        says: `leads to the gate's socket (${origin}), and with sitepass:identity off there is no gate`,
        todo: `Leave the gate running, make it ${store}, and run \`pulumi up\`; stop the gate after that`,
      };
    }
    return as === "compose" && runsHere && isLoopback(new URL(origin))
      ? {
          subject,
          says: `leads to ${origin}, and cloudflared in its container finds nothing there`,
          todo: `Make it ${store}, and run \`pulumi up\``,
        }
      : [];
  });
}

/** Of several stacks each has a tunnel, and so origins, of its own. */
const originsOf = ({ stacks, signals }: CentralHost) =>
  stacks === undefined
    ? signals.map((signal) => ({ ...signal, stack: undefined }))
    : stacks.flatMap((stack) => stack.signals.map((signal) => ({ ...signal, stack: stack.name })));

function folderWarnings({ owner, programs }: PackagedHost, { as, out }: CentralOptions): readonly Problem[] {
  return listOf<Problem>(
    as === "compose" &&
      owner.uid === 0 && {
        subject: out,
        says: "belongs to root, so that cloudflared and the gate run as root in their containers",
        todo: "Render as a user of its own, such as sitepass, unless Docker here is rootless",
      },
    programs.some(({ name }) => name !== "gate") &&
      wouldBeCommitted(out) && {
        subject: out,
        says: "lies in a git work tree and is not ignored, so that secrets would be committed",
        todo: "Add it to .gitignore, or name another folder with --out",
      },
  );
}

/** What the operating system refuses is for a person to put right, too. */
async function unlessDenied<T>(folder: string, work: () => T): Promise<T> {
  try {
    return await Promise.resolve(work());
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    return orThrow(
      failure({
        subject: folder,
        says: `cannot be written to (${systemReason(error)}). What is there is whole`,
        todo: systemRemedy(error, "Fix it, or name another folder with --out, and render again"),
      }),
    );
  }
}
