import { createPublicKey, type KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openProxyAgent, outboundProxy } from "../../cloudflare/outbound-proxy";
import { failure, problemsOf, success, type Problem, type Result } from "../../fleet/problem";
import { systemReason } from "../../fleet/system-errors";
import { Disk, holds, kindOf } from "../../handover/disk";
import { reloadGate } from "./runtime-socket";

/**
 * Where the keys lie, below the folder of the central host: as many PEM files as the gate has slots, and which key ID is in which.
 * They are no rendered files: what was fetched is kept by every later rendering.
 */
const keysFolder = "gate/keys";

/** Access has two keys at a time, the one it signs with and the one before (docs/facts/edge.md, E9). */
const keySlots = ["1", "2", "3", "4"] as const;

/** The slots of a gate: of several teams each has its own, which carry its name. */
export const slotsOf = (teams: readonly string[] | undefined): readonly string[] =>
  teams === undefined ? keySlots : teams.flatMap((team) => keySlots.map((slot) => `${team}-${slot}`));

export const keyFile = (slot: string): string => `${slot}.pem`;

/**
 * `<key ID> <slot>` per line; of several teams `<key ID>@<team> <slot>`, so that a key counts for its own team alone. A key ID that is not
 * in it is not known to the gate, which then answers 503.
 */
export const keyIdsFile = "key-ids.map";

/**
 * RSA-2048 of the RSA Factoring Challenge: HAProxy does not start without a key in each slot, and nobody has the private half of this
 * one. No key ID leads to a slot that holds it.
 */
const nobodysKey = createPublicKey({
  format: "jwk",
  key: {
    kty: "RSA",
    e: "AQAB",
    n: Buffer.from(
      BigInt(
        "25195908475657893494027183240048398571429282126204032027777137836043662020707595556264018525880784406918290641249515082189298559149176184502808489120072844992687392807287776735971418347270261896375014971824691165077613379859095700097330459748808428401797429100642458691817195118746121515172654632282216869987549182422433637259085141865462043576798423387184774447920739934236584823824281198163815010674810451660377306056201619676256133844143603833904414952634432190114657544454178424020924616515723350778707749817125772467962926386356373289912154831438167899885040445364023527381951378636564391212010397122822120720357",
      ).toString(16),
      "hex",
    ).toString("base64url"),
  },
});

const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();

/** What is known after a look at the keys that Access signs with. */
export interface RefreshedKeys {
  /** Whether other keys are held now than before. */
  readonly changed: boolean;
  /** How many are held. */
  readonly keys: number;
  readonly gate: "reloaded" | "unchanged" | "not running";
}

export interface RefreshOptions {
  /** Where Access publishes its keys, as tests have it, which is asked for the host of the team; default that host itself. */
  readonly url?: URL;
  /** The folder of `*.prom` files; default `textfiles` in the folder of the central host. */
  readonly textfiles?: string;
  readonly now?: Date;
}

/**
 * Makes sure that the gate can start: where no keys were ever fetched, it is given a key that nobody has, and answers every push with
 * 503 until they are. Keys that are there stay.
 */
export function ensureKeyFiles(folder: string, teams?: readonly string[]): void {
  const disk = new Disk();
  const keys = join(folder, keysFolder);
  disk.makeFolder(keys);
  disk.setMode(keys, 0o755);
  for (const slot of slotsOf(teams)) {
    if (kindOf(join(keys, keyFile(slot))) === undefined) {
      disk.writeFile(join(keys, keyFile(slot)), pem(nobodysKey), 0o644);
    }
  }
  if (kindOf(join(keys, keyIdsFile)) === undefined) {
    disk.writeFile(join(keys, keyIdsFile), keyIdsText(new Map()), 0o644);
  }
}

/**
 * Fetches the keys that Access signs its assertions with, and gives them to the gate, which is reloaded only when they changed, or could
 * not be before. Whatever goes wrong, the keys that were there stay, and so does the time in `sitepass-keys.prom`, from which an alarm knows.
 *
 * @param folder of the central host's rendered files.
 * @param runDirectory the folder of the gate's sockets.
 * @param team the only one, or those of several stacks. What of one cannot be fetched keeps the others' from nothing: theirs are taken, and
 *   then this is a failure.
 */
export async function refreshAccessKeys(
  folder: string,
  runDirectory: string,
  team: string | readonly string[],
  options: RefreshOptions = {},
): Promise<Result<RefreshedKeys>> {
  const fetched = await Promise.all(
    [team].flat().map((one) => fetchKeys(options.url ?? keysUrl(one), options.url && keysUrl(one).host)),
  );
  const taken = await takeKeys(
    folder,
    runDirectory,
    typeof team === "string" ? undefined : team,
    fetched.map((one) => (one.ok ? one.value : undefined)),
    options,
  );
  const problems = [...fetched, taken].flatMap(problemsOf);
  return problems.length > 0 ? failure(...problems) : taken;
}

const keysUrl = (team: string): URL => new URL(`https://${team}.cloudflareaccess.com/cdn-cgi/access/certs`);

type Keys = ReadonlyMap<string, KeyObject>;

/** @param fetched of each team; undefined: those that are there stay. */
async function takeKeys(
  folder: string,
  runDirectory: string,
  teams: readonly string[] | undefined,
  fetched: readonly (Keys | undefined)[],
  options: RefreshOptions,
): Promise<Result<RefreshedKeys>> {
  ensureKeyFiles(folder, teams);
  const keysDirectory = join(folder, keysFolder);
  let changed = false;
  for (const [index, keys] of fetched.entries()) {
    if (keys !== undefined) {
      changed = writeKeys(keysDirectory, keys, teams, teams?.[index]) || changed;
    }
  }
  const gate =
    changed || reloadIsDue(folder) ? await reload(folder, runDirectory) : success("unchanged" as const);
  if (!gate.ok) {
    return gate;
  }
  const textfiles = options.textfiles ?? join(folder, "textfiles");
  const disk = new Disk();
  disk.makeFolder(textfiles);
  const now = options.now ?? new Date();
  for (const [index, keys] of fetched.entries()) {
    if (keys !== undefined) {
      const team = teams?.[index];
      disk.writeFile(join(textfiles, metricsFile(team)), metricsText(now, keys.size, team), 0o644);
    }
  }
  // Of a team that is no longer one of this gate's, nobody has to know how old its keys are.
  const wanted = (teams ?? [undefined]).map(metricsFile);
  for (const name of readdirSync(textfiles)) {
    if (/^sitepass-keys(?:-.+)?\.prom$/.test(name) && !wanted.includes(name)) {
      disk.remove(join(textfiles, name));
    }
  }
  const held = readKeyIds(join(keysDirectory, keyIdsFile), slotsOf(teams));
  return success({ changed, keys: held.size, gate: gate.value });
}

const metricsFile = (team: string | undefined): string =>
  team === undefined ? "sitepass-keys.prom" : `sitepass-keys-${team}.prom`;

/** Stands there from when keys were written until the gate has taken them, so that a reload that failed is tried again. */
const notYetTaken = ".not-yet-taken";

const reloadIsDue = (folder: string): boolean => kindOf(join(folder, keysFolder, notYetTaken)) !== undefined;

async function reload(folder: string, runDirectory: string): Promise<Result<"reloaded" | "not running">> {
  const done = await reloadGate(runDirectory);
  if (done.ok && reloadIsDue(folder)) {
    new Disk().remove(join(folder, keysFolder, notYetTaken));
  }
  return done;
}

/**
 * Puts keys into slots. A key keeps its slot, and a key ID never leads to a slot that holds another key, whatever moment this is cut
 * short at: the gate would answer 401, and lose what is pushed, where it now answers 503.
 */
function writeKeys(
  folder: string,
  ofTeam: Keys,
  teams: readonly string[] | undefined,
  team: string | undefined,
): boolean {
  const disk = new Disk();
  const idsPath = join(folder, keyIdsFile);
  const slots = slotsOf(team === undefined ? undefined : [team]);
  const fetched: Keys = new Map(
    [...ofTeam].map(([id, key]) => [team === undefined ? id : `${id}@${team}`, key]),
  );
  const known = [...readKeyIds(idsPath, slotsOf(teams))];
  const ofOthers = known.filter(([, slot]) => !slots.includes(slot));
  const held = new Map(
    known.filter(([id, slot]) => {
      const key = fetched.get(id);
      return key !== undefined && holds(join(folder, keyFile(slot)), pem(key));
    }),
  );
  const free = slots.filter((slot) => ![...held.values()].includes(slot));
  const wanted = new Map(held);
  for (const id of fetched.keys()) {
    const slot = wanted.has(id) ? undefined : free.shift();
    if (slot !== undefined) {
      wanted.set(id, slot);
    }
  }
  const contentOf = (slot: string): string => {
    const id = [...wanted].find(([, used]) => used === slot)?.[0];
    return pem((id === undefined ? undefined : fetched.get(id)) ?? nobodysKey);
  };
  const stale = slots.filter((slot) => !holds(join(folder, keyFile(slot)), contentOf(slot)));
  const textWith = (ids: ReadonlyMap<string, string>): string => keyIdsText(new Map([...ofOthers, ...ids]));
  if (stale.length === 0 && holds(idsPath, textWith(wanted))) {
    return false;
  }
  disk.writeFile(join(folder, notYetTaken), "", 0o644);
  disk.writeFile(idsPath, textWith(held), 0o644);
  for (const slot of stale) {
    disk.writeFile(join(folder, keyFile(slot)), contentOf(slot), 0o644);
  }
  disk.writeFile(idsPath, textWith(wanted), 0o644);
  return true;
}

const keyIdsText = (ids: ReadonlyMap<string, string>): string =>
  `${["# ID of each key that Access signs with, and the file that holds it.", ...[...ids].map(([id, slot]) => `${id} ${slot}`).sort()].join("\n")}\n`;

function readKeyIds(path: string, slots: readonly string[]): Map<string, string> {
  return new Map(
    readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, id, named] = /^([^#\s]\S*) (\S+)$/.exec(line) ?? [];
        const slot = slots.find((one) => one === named);
        return id === undefined || slot === undefined ? [] : [[id, slot] as const];
      }),
  );
}

/** More than any set of keys needs. */
const mostBytes = 100_000;

const documentSchema = z.looseObject({ keys: z.array(z.unknown()).min(1) });

const keySchema = z.looseObject({
  // A word of the gate's map.
  kid: z.string().regex(/^[\w.~+/=-]{1,200}$/),
  kty: z.literal("RSA"),
  alg: z.literal("RS256").optional(),
  n: z.string(),
  e: z.string(),
});

async function fetchKeys(
  url: URL,
  host: string | undefined,
): Promise<Result<ReadonlyMap<string, KeyObject>>> {
  const { request } = await import("undici");
  const proxy = outboundProxy();
  const dispatcher = proxy && (await openProxyAgent(proxy));
  try {
    // Not followed: an unknown team is answered with a redirect.
    const { statusCode, body } = await request(url, {
      ...(host === undefined ? {} : { headers: { host } }),
      ...(dispatcher === undefined ? {} : { dispatcher }),
      signal: AbortSignal.timeout(30_000),
    });
    if (statusCode !== 200) {
      await body.dump();
      return failure(unusable(url, `was answered with ${statusCode}`));
    }
    let text = "";
    for await (const chunk of body.setEncoding("utf8")) {
      text += String(chunk);
      if (text.length > mostBytes) {
        return failure(unusable(url, "is longer than any set of keys"));
      }
    }
    return keysOf(url, text);
  } catch (error) {
    return failure(unusable(url, `cannot be fetched (${systemReason(error)})`));
  } finally {
    await dispatcher?.close();
  }
}

/** Whether each team has a key yet, or the only one has; a line of the map that is no comment names one. */
export function holdsKeys(folder: string, teams: readonly string[] | undefined): boolean {
  const path = join(folder, keysFolder, keyIdsFile);
  if (kindOf(path) !== "file") {
    return false;
  }
  const held = [...readKeyIds(path, slotsOf(teams)).values()];
  return (teams ?? [undefined]).every((team) =>
    slotsOf(team === undefined ? undefined : [team]).some((slot) => held.includes(slot)),
  );
}

/** All of the keys, or none: with a part of them pushes would be refused that are good. */
function keysOf(url: URL, text: string): Result<ReadonlyMap<string, KeyObject>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return failure(unusable(url, "is not JSON"));
  }
  const document = documentSchema.safeParse(json);
  if (!document.success) {
    return failure(unusable(url, "holds no keys"));
  }
  if (document.data.keys.length > keySlots.length) {
    return failure(
      unusable(
        url,
        `holds ${document.data.keys.length} keys, more than the ${keySlots.length} that the gate takes`,
      ),
    );
  }
  const keys = new Map<string, KeyObject>();
  for (const entry of document.data.keys) {
    const parsed = keySchema.safeParse(entry);
    const key = parsed.success ? rsaKey(parsed.data) : undefined;
    if (!parsed.success || key === undefined) {
      return failure(
        unusable(url, "holds a key that is not an RSA key of 2048 bits or more with an ID, for RS256"),
      );
    }
    keys.set(parsed.data.kid, key);
  }
  return success(keys);
}

function rsaKey({ n, e }: z.infer<typeof keySchema>): KeyObject | undefined {
  try {
    const key = createPublicKey({ format: "jwk", key: { kty: "RSA", n, e } });
    return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048 ? key : undefined;
  } catch {
    return undefined;
  }
}

const unusable = (url: URL, says: string): Problem => ({
  subject: url.href,
  says: `${says}, so the gate keeps the keys that it has`,
  todo: "Check the team name and that this machine reaches Cloudflare, and run it again within a few days: Access changes its keys every six weeks",
});

/** In the format of node_exporter's textfile collector. */
function metricsText(now: Date, keys: number, team: string | undefined): string {
  const labels = team === undefined ? "" : `{team="${team}"}`;
  return `# HELP sitepass_gate_keys_refreshed_timestamp_seconds When the keys of Access were last fetched with success.
# TYPE sitepass_gate_keys_refreshed_timestamp_seconds gauge
sitepass_gate_keys_refreshed_timestamp_seconds${labels} ${Math.floor(now.getTime() / 1000)}
# HELP sitepass_gate_keys Keys of Access that the gate holds.
# TYPE sitepass_gate_keys gauge
sitepass_gate_keys${labels} ${keys}
`;
}
