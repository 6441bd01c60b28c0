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
  writeFolder,
  type FolderContent,
  type FolderFile,
  type WrittenFolder,
} from "../handover/rendered-folder";
import type { OpenStack } from "../stack/open-stack";
import type { CentralHost, CentralProgram, SecretName } from "./central-host";
import {
  configurationWarnings,
  folderWarnings,
  hostProblems,
  originWarnings,
  otherWayWarnings,
} from "./host-problems";
import { ensureKeyFiles, holdsKeys } from "./gate/access-keys";
import { writableFolders } from "./packaging/compose";
import { folderFiles } from "./packaging/folder-files";
import { nextSteps } from "./packaging/next-steps";
import type { PackagedHost, PackagingName } from "./packaging/packaging";
import { programsOf } from "./programs";
import { readCentralHost, readCentralHosts } from "./read-central-host";
import { secretNamesOf, teamsOf, tokenName, type SeveralStacks } from "./several-stacks";

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
      ...otherWayWarnings(
        host,
        options,
        before,
        content.files.map(({ path }) => path),
      ),
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
