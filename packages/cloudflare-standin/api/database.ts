import { createHash } from "node:crypto";
import { z } from "zod";
import { organizationRow, type Organization } from "./organization-row";
import {
  accessApplicationRow,
  accessPolicyRow,
  dnsRecordRow,
  notificationPolicyRow,
  serviceTokenRow,
  zoneRow,
  type AccessApplication,
  type AccessPolicy,
  type DnsRecord,
  type NotificationPolicy,
  type ServiceToken,
  type Zone,
} from "./rows";
import { tunnelRow, type Tunnel } from "./tunnel-rows";

/** Everything one account holds: a plain object of tables keyed by ID. The data path reads and writes the same object. */
export interface Database {
  accountId: string;
  organization: Organization;
  readonly serviceTokens: Map<string, ServiceToken>;
  readonly policies: Map<string, AccessPolicy>;
  readonly applications: Map<string, AccessApplication>;
  /** Deleted tunnels stay in it, with `deleted_at` set. */
  readonly tunnels: Map<string, Tunnel>;
  readonly zones: Map<string, Zone>;
  readonly dnsRecords: Map<string, DnsRecord>;
  readonly notificationPolicies: Map<string, NotificationPolicy>;
}

/** A zone's ID: the first 32 hex digits of its name's SHA-256, so that a zone has the same ID in every run. */
export function zoneId(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** A zone for the account to have. */
export interface ZoneOption {
  readonly name: string;
  /** 32 hex digits; by default {@link zoneId} of the name. */
  readonly id?: string;
}

/** Adds a zone unless the account has it. */
export function addZone(database: Database, { name, id = zoneId(name) }: ZoneOption, now: Date): void {
  if (!database.zones.has(id)) {
    database.zones.set(id, { id, name, created_on: now.toISOString(), fight_mode: false });
  }
}

/** An account with a Zero Trust organization and nothing else. */
export function emptyDatabase(accountId: string, teamName: string): Database {
  return {
    accountId,
    organization: {
      name: teamName,
      auth_domain: `${teamName}.cloudflareaccess.com`,
      allow_authenticate_via_warp: false,
      auto_redirect_to_identity: false,
      deny_unmatched_requests: false,
      is_ui_read_only: false,
      session_duration: "24h",
      strict_service_token_auth: false,
    },
    serviceTokens: new Map(),
    policies: new Map(),
    applications: new Map(),
    tunnels: new Map(),
    zones: new Map(),
    dnsRecords: new Map(),
    notificationPolicies: new Map(),
  };
}

const stored = z.strictObject({
  format: z.literal(1),
  accountId: z.string(),
  organization: organizationRow,
  serviceTokens: z.array(serviceTokenRow),
  policies: z.array(accessPolicyRow),
  applications: z.array(accessApplicationRow),
  tunnels: z.array(tunnelRow),
  zones: z.array(zoneRow),
  dnsRecords: z.array(dnsRecordRow),
  notificationPolicies: z.array(notificationPolicyRow),
});

/** The database as JSON text. Connectors are left out: none is running when the text is read again. */
export function serialiseDatabase(database: Database): string {
  const content: z.infer<typeof stored> = {
    format: 1,
    accountId: database.accountId,
    organization: database.organization,
    serviceTokens: [...database.serviceTokens.values()],
    policies: [...database.policies.values()],
    applications: [...database.applications.values()],
    tunnels: [...database.tunnels.values()].map((tunnel) => ({ ...tunnel, connections: [] })),
    zones: [...database.zones.values()],
    dnsRecords: [...database.dnsRecords.values()],
    notificationPolicies: [...database.notificationPolicies.values()],
  };
  return JSON.stringify(content);
}

/** The inverse of {@link serialiseDatabase}. Throws a SyntaxError or a ZodError on anything else. */
export function deserialiseDatabase(json: string): Database {
  const parsed: unknown = JSON.parse(json);
  const content = stored.parse(parsed);
  return {
    accountId: content.accountId,
    organization: content.organization,
    serviceTokens: byId(content.serviceTokens),
    policies: byId(content.policies),
    applications: byId(content.applications),
    tunnels: byId(content.tunnels),
    zones: byId(content.zones),
    dnsRecords: byId(content.dnsRecords),
    notificationPolicies: byId(content.notificationPolicies),
  };
}

function byId<Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}
