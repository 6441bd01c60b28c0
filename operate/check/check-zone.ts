import type { CallResult } from "../../cloudflare/client";
import { findZone, readBotProtection, type AccountZone } from "../../cloudflare/zones";
import { listRecords, type ZoneRecord } from "../../cloudflare/dns-records";
import { listTunnels, type AccountTunnel } from "../../cloudflare/tunnels";
import type { CheckContext } from "./check-context";
import { findingsOn, type Finding } from "./finding";
import { isOwn, type HeldObjects } from "./held-objects";
import { judgeRecords } from "./host-records";
import { judgePermission } from "./permissions";
import { judgeTunnel } from "./tunnel";
import type { WriteAnswer } from "./write-probes";
import { judgeBotProtection, judgeZone } from "./zone";

/** The zone, and what hangs on it: records, bot protection, and the tunnel, which a record may show to be this stack's. */
export async function checkZone(context: CheckContext): Promise<readonly Finding[]> {
  const { stack, api } = context;
  const [found, tunnels] = await Promise.all([findZone(api, stack.config.zone), listNamedTunnels(context)]);
  const zone = found.kind === "answered" ? found.value : undefined;
  const records = zone === undefined ? [] : await listHostRecords(context, zone);
  return [
    ...judgeZone(found, stack.config),
    ...(zone === undefined ? [] : await checkRecords(context, zone, records)),
    ...(zone === undefined ? [] : await checkBotProtection(context, zone)),
    ...(await checkTunnel(context, tunnels, records)),
  ];
}

type HostRecords = readonly CallResult<readonly ZoneRecord[]>[];

function listHostRecords({ stack, api }: CheckContext, zone: AccountZone): Promise<HostRecords> {
  return Promise.all(stack.config.endpoints.map(({ hostname }) => listRecords(api, zone.id, hostname)));
}

async function checkRecords(
  { stack, probe, held }: CheckContext,
  zone: AccountZone,
  records: HostRecords,
): Promise<readonly Finding[]> {
  const write = await probe("records", zone.id);
  const { endpoints } = stack.config;
  const ownership = { held: await held, ownPrefix: stack.ownPrefix };
  const findings = records.flatMap((read, index) => {
    const endpoint = endpoints[index];
    return [
      ...judgePermission({ name: "DNS", neededFor: "records", scope: "zone", read, write }),
      ...(read.kind === "answered" && endpoint !== undefined
        ? judgeRecords(read.value, endpoint, ownership)
        : []),
    ];
  });
  const { ok } = findingsOn("host names");
  return records.every(({ kind }) => kind === "answered") &&
    findings.every(({ topic }) => topic !== "host names")
    ? [
        ...findings,
        ok(`no foreign DNS record stands at ${endpoints.map(({ hostname }) => hostname).join(" and ")}`),
      ]
    : findings;
}

async function checkBotProtection({ api }: CheckContext, zone: AccountZone): Promise<readonly Finding[]> {
  const read = await readBotProtection(api, zone.id);
  return [
    ...judgePermission({
      name: "Bot Management",
      neededFor: "checks",
      scope: "zone",
      read,
      onlyChecks: `Bot Fight Mode on ${zone.name}, which stops collectors, was`,
    }),
    ...(read.kind === "answered" ? judgeBotProtection(zone.name, read.value) : []),
  ];
}

type NamedTunnels =
  | {
      readonly name: string;
      readonly read: CallResult<readonly AccountTunnel[]>;
      readonly write: WriteAnswer;
    }
  | undefined;

/** Undefined when the stack has no tunnel. */
async function listNamedTunnels({ stack, api, probe }: CheckContext): Promise<NamedTunnels> {
  const { publish, accountId } = stack.config;
  if (publish.kind !== "tunnel") {
    return undefined;
  }
  const [read, write] = await Promise.all([listTunnels(api, accountId, publish.name), probe("tunnels")]);
  return { name: publish.name, read, write };
}

async function checkTunnel(
  context: CheckContext,
  tunnels: NamedTunnels,
  records: HostRecords,
): Promise<readonly Finding[]> {
  if (tunnels === undefined) {
    return [];
  }
  const { name, read, write } = tunnels;
  return [
    ...judgePermission({
      name: "Cloudflare Tunnel",
      neededFor: "the tunnel and its token",
      scope: "account",
      read,
      write,
    }),
    ...(read.kind === "answered"
      ? judgeTunnel(name, read.value, await heldTunnel(context, read.value, records))
      : []),
  ];
}

/**
 * What is known of the stack's own tunnel. Where the state cannot be read, its record may point to it; and a stack that has
 * no service token either was never brought up.
 */
async function heldTunnel(
  { stack, tokens, held }: CheckContext,
  named: readonly AccountTunnel[],
  records: HostRecords,
): Promise<HeldObjects> {
  const known = await held;
  if (known.kind === "known") {
    return known;
  }
  const targets = records
    .flatMap((read) => (read.kind === "answered" ? read.value : []))
    .filter((record) => isOwn({ held: known, ownPrefix: stack.ownPrefix }, record.id, record.comment))
    .map(({ content }) => content);
  const pointedTo = named.filter(({ id }) => targets.includes(`${id}.cfargotunnel.com`));
  const listed = await tokens;
  const neverUp =
    listed.kind === "answered" && !listed.value.some(({ name }) => name.startsWith(stack.ownPrefix));
  return pointedTo.length > 0 || neverUp
    ? { kind: "known", ids: new Set(pointedTo.map(({ id }) => id)) }
    : known;
}
