import { join } from "node:path";
import { failure, success, type Problem, type Result } from "../../fleet/problem";
import { Disk, holds } from "../../handover/disk";
import type { CentralHost, CentralSite } from "../central-host";
import { adminSocket, ask } from "./runtime-socket";

/** Where the map lies, below the folder of the central host. */
const siteMapPath = "gate/sites.map";

/** The value of a site that is shut out, in place of its signals. */
export const shutOut = "shut-out";

/**
 * The map of the gate: which client ID is which site, and what it may push. One line each, `<client ID> <site>/<signal>/<signal>/`;
 * every word of the value ends in a slash, so that HAProxy can look for one as a whole. Of several stacks, `@<stack>` follows the client ID.
 */
export const siteMapText = (sites: CentralHost["sites"]): string =>
  `${[
    "# Client ID of each site's service token, and the site's name with what it may push.",
    ...mapEntries(sites),
  ].join("\n")}\n`;

const mapEntries = (sites: readonly CentralSite[]): string[] =>
  sites.flatMap(({ name, clientId, signals, enabled, stack }) =>
    clientId === undefined
      ? []
      : [
          `${clientId}${stack === undefined ? "" : `@${stack}`} ${[name, ...(enabled ? signals : [shutOut])].map((word) => `${word}/`).join("")}`,
        ],
  );

/**
 * Writes the map of sites anew, and gives it to the running gate without a reload: in one transaction, so that every push is judged
 * either by the old map or by the new one.
 *
 * @param folder of the central host's rendered files.
 * @param runDirectory the folder of the gate's sockets.
 */
export async function updateSiteMap(
  folder: string,
  runDirectory: string,
  sites: readonly CentralSite[],
): Promise<
  Result<{
    readonly sites: number;
    readonly changed: boolean;
    readonly gate: "updated" | "unchanged" | "not running";
  }>
> {
  const path = join(folder, siteMapPath);
  const text = siteMapText(sites);
  const changed = !holds(path, text);
  if (changed) {
    // First the file: a gate that starts or reloads meanwhile reads it.
    new Disk().writeFile(path, text, 0o644);
  }
  const entries = mapEntries(sites);
  const gate = await updateRunning(adminSocket(runDirectory), entries);
  return gate.ok ? success({ sites: entries.length, changed, gate: gate.value }) : gate;
}

/** A command of the gate's socket has to fit into one of its buffers, 16 kB (tune.bufsize). */
const batchBytes = 8_000;

async function updateRunning(
  socket: string,
  entries: readonly string[],
): Promise<Result<"updated" | "unchanged" | "not running">> {
  const maps = await ask(socket, "show map");
  if (!maps.ok || maps.value === undefined) {
    return maps.ok ? success("not running") : maps;
  }
  // The path is that of the gate's own view, which in a container is another one.
  const id = /^(\d+) \((?:[^)]*\/)?sites\.map\)/m.exec(maps.value)?.[1];
  if (id === undefined) {
    return failure(refused(socket, "show map", maps.value));
  }
  const before = await ask(socket, `show map #${id}`);
  if (before.ok && sameEntries(before.value, entries)) {
    return success("unchanged");
  }
  const prepared = await ask(socket, `prepare map #${id}`);
  const version = prepared.ok ? /New version created: (\d+)/.exec(prepared.value ?? "")?.[1] : undefined;
  if (version === undefined) {
    return prepared.ok ? failure(refused(socket, "prepare map", prepared.value)) : prepared;
  }
  for (const batch of batches(entries)) {
    const added = await ask(socket, `add map @${version} #${id} <<\n${batch.join("\n")}\n`);
    if (!added.ok || added.value?.trim() !== "") {
      return added.ok ? failure(refused(socket, "add map", added.value)) : added;
    }
  }
  // What was added is read back before it counts: half a map would keep sites out.
  const whole = await ask(socket, `show map @${version} #${id}`);
  if (!whole.ok || !sameEntries(whole.value, entries)) {
    return whole.ok ? failure(refused(socket, "add map", "fewer entries than were sent")) : whole;
  }
  const committed = await ask(socket, `commit map @${version} #${id}`);
  if (!committed.ok || committed.value?.trim() !== "") {
    return committed.ok ? failure(refused(socket, "commit map", committed.value)) : committed;
  }
  const after = await ask(socket, `show map #${id}`);
  return after.ok && sameEntries(after.value, entries)
    ? success("updated")
    : failure(refused(socket, "commit map", "another map than was sent"));
}

/** Whether what `show map` says is exactly these entries; each line begins with the entry's address in memory. */
function sameEntries(shown: string | undefined, entries: readonly string[]): boolean {
  const held = (shown ?? "")
    .split("\n")
    .flatMap((line) => /^0x[0-9a-f]+ (.+)$/.exec(line)?.[1] ?? [])
    .sort();
  return held.join("\n") === [...entries].sort().join("\n");
}

function batches(entries: readonly string[]): string[][] {
  const all: string[][] = [];
  let size = Infinity;
  for (const entry of entries) {
    size += entry.length + 1;
    if (size > batchBytes) {
      all.push([]);
      size = entry.length + 1;
    }
    all.at(-1)?.push(entry);
  }
  return all;
}

const refused = (socket: string, command: string, answer: string | undefined): Problem => ({
  subject: socket,
  says: `did not take the new map of sites ("${command}" was answered with ${JSON.stringify((answer ?? "nothing").trim().slice(0, 200))}); the gate goes on with the map that it had`,
  todo: "Run it again; if that does not help, restart the gate, which reads the map from its file",
});
