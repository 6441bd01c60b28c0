import type { Config, Endpoint } from "../../fleet/config";
import { recordComment, recordTypeFor, type RecordType } from "../../provision/declared-objects";
import type { ZoneRecord } from "../../cloudflare/dns-records";
import { declaredRecord, resourceTypes } from "./declared";
import type { KnownResources } from "./known-resources";
import { changed, nothing, together, type Adoption, type Part } from "./part";
import { tunnelTarget } from "./plan-tunnel";
import type { AccountView } from "./read-account";

export interface RecordsContext {
  readonly config: Config;
  readonly ownPrefix: string;
  readonly view: AccountView;
  readonly known: KnownResources;
}

interface Target {
  readonly type: RecordType;
  /** Undefined for a tunnel that is still to be made. */
  readonly content: string | undefined;
}

/** Types that lead a host name somewhere; the others stand beside them and are left alone. */
const leading: readonly string[] = ["A", "AAAA", "CNAME"];

/** The DNS records of the push hosts. */
export function planRecordAdoptions(context: RecordsContext): Part {
  return together(
    context.config.endpoints.map((endpoint) => {
      const records = context.view.records.filter(({ name }) => name === endpoint.hostname);
      const target = targetOf(endpoint, context);
      return records.some(({ id }) => context.known.nameOf(resourceTypes.record, id) !== undefined)
        ? nothing
        : planRecord(endpoint, records, target, context);
    }),
  );
}

function targetOf({ signal }: Endpoint, { config, view }: RecordsContext): Target {
  const { publish } = config;
  if (publish.kind === "tunnel") {
    const tunnel = view.tunnels.find(({ name }) => name === publish.name);
    return { type: "CNAME", content: tunnel === undefined ? undefined : tunnelTarget(tunnel.id) };
  }
  const content = publish.addresses.get(signal) ?? "";
  return { type: recordTypeFor(content), content };
}

function planRecord(
  endpoint: Endpoint,
  records: readonly ZoneRecord[],
  target: Target,
  context: RecordsContext,
): Part {
  const { hostname, signal } = endpoint;
  const candidates = records.filter(({ type }) => leading.includes(type));
  const delegated = records.filter(({ type }) => type === "NS");
  const chosen = chosenRecord(candidates, target);
  if (delegated.length > 0) {
    return {
      ...nothing,
      refusals: [
        `record ${hostname}: is delegated to other name servers (NS ${delegated.map(({ content }) => content).join(", ")}). Take another host name, or delete the NS records.`,
      ],
    };
  }
  if (chosen === undefined) {
    return nothing;
  }
  const holder = context.known.idOf(declaredRecord(signal));
  if (holder !== undefined) {
    return {
      ...nothing,
      refusals: [
        `record ${hostname}: is not the stack's, which has another one for ${signal} (${holder}). Delete it in the dashboard.`,
      ],
    };
  }
  const others = candidates.filter((record) => record !== chosen);
  // A CNAME shares its name with neither (errors 81053, 81054), so that it takes one record's place and no more.
  if (target.type === "CNAME" && others.length > 0) {
    return {
      ...nothing,
      refusals: [
        `record ${hostname}: there are ${candidates.length} (${candidates.map(shown).join(", ")}), and the stack has one CNAME. Delete all but one in the dashboard, or publish by address.`,
      ],
    };
  }
  return {
    ...nothing,
    adoptions: [adoptionOf(chosen, target, endpoint, context)],
    losses: [
      ...others.map(
        (record) =>
          `record ${hostname}: ${shown(record)} stays beside the one that the stack has, and takes a part of the pushes. Delete it in the dashboard.`,
      ),
      ...lossesOf(chosen, target),
    ],
  };
}

/** The record that is most like what the stack declares. */
function chosenRecord(candidates: readonly ZoneRecord[], { type, content }: Target): ZoneRecord | undefined {
  const sameType = candidates.filter((record) => record.type === type);
  return sameType.find((record) => record.content === content) ?? sameType[0] ?? candidates[0];
}

function adoptionOf(
  record: ZoneRecord,
  { type, content }: Target,
  { signal }: Endpoint,
  { ownPrefix, view }: RecordsContext,
): Adoption {
  return {
    becomes: declaredRecord(signal),
    importId: `${view.zone.id}/${record.id}`,
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

function lossesOf(record: ZoneRecord, { type, content }: Target): readonly string[] {
  const losses: string[] = [];
  if (record.type !== type) {
    losses.push(
      `record ${record.name}: is ${shown(record)}, and \`up\` deletes it before it makes a ${type}; whoever asks in between may not find the name for as long as the zone's negative TTL says. Collectors that retry lose nothing.`,
    );
  } else if (content === undefined || record.content !== content) {
    losses.push(
      `record ${record.name}: leads to ${record.content} today, and to ${content ?? "a new tunnel"} after \`up\`. Make sure that pushes are served there.`,
    );
  }
  if (!record.proxied) {
    losses.push(
      `record ${record.name}: is not proxied, so pushes go around Access today. \`up\` turns the proxy on, and then refuses what pushes without a site's token. Give every collector one first.`,
    );
  }
  return losses;
}

const shown = ({ type, content }: ZoneRecord): string => `${type} ${content}`;
