import { addressTypes, type ZoneRecord } from "../../cloudflare/dns-records";
import type { Endpoint } from "../../fleet/config";
import {
  recordComment,
  recordTypeFor,
  resourceTypes,
  type RecordType,
} from "../../provision/declared-objects";
import {
  changed,
  declaredRecord,
  idInStack,
  planMessages,
  resourceWithId,
  type Adoption,
  type PlanInProgress,
} from "./adoption-plan";
import { tunnelTarget } from "./plan-tunnel";

/** Plans which DNS records of the push hosts are taken over. */
export function planRecordAdoptions(plan: PlanInProgress): void {
  for (const endpoint of plan.config.endpoints) {
    const records = plan.account.records.filter(({ name }) => name === endpoint.hostname);
    if (records.every(({ id }) => resourceWithId(plan, resourceTypes.record, id) === undefined)) {
      planRecord(endpoint, records, plan);
    }
  }
}

function planRecord(endpoint: Endpoint, records: readonly ZoneRecord[], plan: PlanInProgress): void {
  const { refuse, lose } = planMessages(`record ${endpoint.hostname}`, plan);
  const delegated = records.filter(({ type }) => type === "NS");
  if (delegated.length > 0) {
    refuse(
      `is delegated to other name servers (NS ${delegated.map(({ content }) => content).join(", ")})`,
      "Take another host name, or delete the NS records",
    );
    return;
  }
  const target = targetOf(endpoint, plan);
  const candidates = records.filter(({ type }) => addressTypes.includes(type));
  const chosen = mostAlike(candidates, target);
  if (chosen === undefined) {
    return;
  }
  const holder = idInStack(plan, declaredRecord(endpoint.signal));
  if (holder !== undefined) {
    refuse(
      `does not belong to the stack, which has another one for ${endpoint.signal} (${holder})`,
      "Delete it in the dashboard",
    );
    return;
  }
  const others = candidates.filter((record) => record !== chosen);
  // A CNAME shares its name with none of these (errors 81053, 81054), so that it takes the place of one and no more.
  if (target.type === "CNAME" && others.length > 0) {
    refuse(
      `there are ${candidates.length} (${candidates.map(recordText).join(", ")}), and the stack has one CNAME`,
      "Delete all but one in the dashboard, or publish by address",
    );
    return;
  }
  plan.adoptions.push(adoptionOf(chosen, target, endpoint, plan));
  for (const record of others) {
    lose(
      `${recordText(record)} stays beside the one that the stack has, and takes a part of the pushes`,
      "Delete it in the dashboard",
    );
  }
  findLosses(chosen, target, plan);
}

/** What a host name is to point to. */
interface Target {
  readonly type: RecordType;
  /** Undefined for a tunnel that is still to be made. */
  readonly content: string | undefined;
}

function targetOf({ signal }: Endpoint, { config: { publish }, account }: PlanInProgress): Target {
  if (publish.kind === "tunnel") {
    const tunnel = account.tunnels.find(({ name }) => name === publish.name);
    return { type: "CNAME", content: tunnel === undefined ? undefined : tunnelTarget(tunnel.id) };
  }
  const content = publish.addresses.get(signal) ?? "";
  return { type: recordTypeFor(content), content };
}

/** The record that is most like what the stack declares. */
function mostAlike(candidates: readonly ZoneRecord[], { type, content }: Target): ZoneRecord | undefined {
  const sameType = candidates.filter((record) => record.type === type);
  return sameType.find((record) => record.content === content) ?? sameType[0] ?? candidates[0];
}

function adoptionOf(
  record: ZoneRecord,
  { type, content }: Target,
  { signal }: Endpoint,
  { ownPrefix, account }: PlanInProgress,
): Adoption {
  return {
    becomes: declaredRecord(signal),
    importId: `${account.zone.id}/${record.id}`,
    object: `record ${record.name}`,
    changes: [
      ...changed("type", record.type, type),
      ...changed("content", record.content, content ?? "the new tunnel"),
      ...changed("proxied", record.proxied, true),
      ...changed("ttl", record.ttl, 1),
      ...changed("comment", record.comment, recordComment(ownPrefix, signal)),
    ],
  };
}

function findLosses(record: ZoneRecord, { type, content }: Target, plan: PlanInProgress): void {
  const { lose } = planMessages(`record ${record.name}`, plan);
  if (record.type !== type) {
    lose(
      `is ${recordText(record)}, and \`up\` deletes it before it makes a ${type}; whoever asks in between may not find the name for as long as the zone's negative TTL says`,
      "Collectors that retry lose nothing",
    );
  } else if (record.content !== content) {
    lose(
      `leads to ${record.content} today, and to ${content ?? "a new tunnel"} after \`up\``,
      "Make sure that pushes are served there",
    );
  }
  if (!record.proxied) {
    lose(
      "is not proxied, so pushes go around Access today. `up` turns the proxy on, and then refuses what pushes without a site's token",
      "Give every collector one first",
    );
  }
}

const recordText = ({ type, content }: ZoneRecord): string => `${type} ${content}`;
