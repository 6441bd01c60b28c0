import { randomBytes } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import type { RecordResponse } from "cloudflare/resources/dns/records";
import { z } from "zod";
import type { Database } from "./database";
import { apiError, pageOf, pagination, refuse, type Answered, type ApiError } from "./envelope";
import { noInput, route, type Call, type Route } from "./route";
import { dnsRecordRow, type DnsRecord } from "./rows";

const ttlRule = "must be 1 (automatic) or from 60 to 86400";

/**
 * Bodies by cloudflare 7.3.0 resources/dns/records.d.ts; comments by
 * D:docs/dns/manage-dns-records/reference/record-attributes.mdx for the Free plan. Other record types are not imitated.
 */
const fields = z.strictObject({
  name: z.string(),
  type: z.enum(dnsRecordRow.shape.type.options, { error: "only A, AAAA and CNAME are imitated" }),
  content: z.string(),
  ttl: z.int(ttlRule).refine((seconds) => seconds === 1 || (seconds >= 60 && seconds <= 86400), {
    error: ttlRule,
  }),
  proxied: z.boolean(),
  comment: z
    .string()
    .max(100)
    .regex(/^[^\r\n]*$/, "no line breaks"),
  settings: dnsRecordRow.shape.settings,
  // Not verified.
  tags: z.array(z.never("tags are not available on the Free plan")),
});
const partialBody = fields.exactPartial();
const wholeBody = fields.exactPartial({ comment: true, tags: true }).extend({
  proxied: fields.shape.proxied.default(false),
  settings: fields.shape.settings.default({}),
});
/** No record is shadowed here, so the metadata is the same with and without them (cloudflare 7.3.0 resources/dns/records.js: all calls but the deletion). */
const shadowQuery = z.strictObject({ include_shadow_metadata: z.enum(["true", "false"]).exactOptional() });
const listQuery = shadowQuery.extend({
  ...pagination,
  name: z.string().exactOptional(),
  "name.exact": z.string().exactOptional(),
  content: z.string().exactOptional(),
  "content.exact": z.string().exactOptional(),
  type: z.string().exactOptional(),
});

const collection = "/zones/:zone/dns_records";
const item = `${collection}/:id`;
const read = "DNS Read";
const write = "DNS Write";

/** DNS records of a zone. PUT replaces, PATCH changes what it names. */
export const dnsRecordRoutes: readonly Route[] = [
  route("POST", collection, write, { query: shadowQuery, body: wholeBody }, (call) => {
    const { database, limits, zoneId, body } = call;
    const records = [...database.dnsRecords.values()].filter((record) => record.zoneId === zoneId);
    if (records.length >= limits.dnsRecords) {
      // 81045 is general knowledge, not verified.
      throw apiError(400, 81045, "The record quota has been exceeded.");
    }
    return { result: shown(saveRecord(body, undefined, call)) };
  }),
  route("GET", collection, read, { ...noInput, query: listQuery }, ({ database, zoneId, query }) => {
    const name = query.name ?? query["name.exact"];
    const content = query.content ?? query["content.exact"];
    const records = [...database.dnsRecords.values()].filter(
      (record) =>
        record.zoneId === zoneId &&
        (name === undefined || record.name === name.toLowerCase()) &&
        (content === undefined || record.content === content) &&
        (query.type === undefined || record.type === query.type),
    );
    return pageOf(records, query, shown);
  }),
  route("GET", item, read, { ...noInput, query: shadowQuery }, (call) => ({ result: shown(find(call)) })),
  route("PUT", item, write, { query: shadowQuery, body: wholeBody }, (call) => ({
    result: shown(saveRecord(call.body, find(call), call)),
  })),
  route("PATCH", item, write, { query: shadowQuery, body: partialBody }, (call) => {
    const record = find(call);
    return { result: shown(saveRecord({ ...record, ...call.body }, record, call)) };
  }),
  route("DELETE", item, write, noInput, (call) => {
    const { id } = find(call);
    call.database.dnsRecords.delete(id);
    return { result: { id } };
  }),
];

type RecordAnswer = RecordResponse.ARecord | RecordResponse.AAAARecord | RecordResponse.CNAMERecord;

function shown(record: DnsRecord): Answered<RecordAnswer> {
  const { id, name, type, content, proxied, ttl, settings, comment, created_on, modified_on } = record;
  return {
    id,
    name,
    type,
    content,
    proxied,
    proxiable: true,
    ttl,
    settings,
    tags: [],
    comment,
    ...(record.comment_modified_on === null ? {} : { comment_modified_on: record.comment_modified_on }),
    meta: {},
    created_on,
    modified_on,
  };
}

function find({ database, zoneId, id }: Call<unknown, unknown>): DnsRecord {
  const record = database.dnsRecords.get(id);
  // zanjie1999/cloudflare-api-v4-ddns#5.
  return record?.zoneId === zoneId ? record : refuse(apiError(404, 81044, "Record does not exist."));
}

/** What a caller can say about a record. */
type WantedRecord = Pick<DnsRecord, "name" | "type" | "content" | "ttl" | "proxied" | "settings"> &
  Partial<Pick<DnsRecord, "comment">>;

/** Creates the record, or puts it in the place of `earlier`. Throws when a value is not valid, or another record is in the way. */
function saveRecord(
  wanted: WantedRecord,
  earlier: DnsRecord | undefined,
  { database, zoneId, now }: Call<unknown, unknown>,
): DnsRecord {
  const name = wanted.name.toLowerCase();
  const zone = database.zones.get(zoneId)?.name;
  // Cloudflare completes a name without the zone; that would be a difference to what was declared, so it is refused here.
  if (zone === undefined || (name !== zone && !name.endsWith(`.${zone}`)) || !isHostName(name)) {
    throw badRecord(`DNS name '${wanted.name}' is not a full name inside the zone ${String(zone)}.`);
  }
  checkContent(wanted, name);
  checkConflicts({ ...wanted, name, zoneId }, earlier?.id, database);
  const { type, content, proxied, settings } = wanted;
  const comment = wanted.comment === undefined || wanted.comment === "" ? null : wanted.comment;
  const isNewComment = (earlier?.comment ?? null) !== comment;
  const time = now().toISOString();
  const record: DnsRecord = {
    id: earlier?.id ?? randomBytes(16).toString("hex"),
    zoneId,
    name,
    type,
    content,
    proxied,
    // A proxied record's TTL is automatic whatever is sent (Cloudflare's DNS documentation).
    ttl: proxied ? 1 : wanted.ttl,
    settings,
    comment,
    comment_modified_on: isNewComment ? time : (earlier?.comment_modified_on ?? null),
    created_on: earlier?.created_on ?? time,
    modified_on: time,
  };
  database.dnsRecords.set(record.id, record);
  return record;
}

/** Cloudflare has a code per field; 9005 is one of them and stands for all [gap]. */
function badRecord(message: string): ApiError {
  return apiError(400, 9005, message);
}

/** Throws unless the content fits the type. A CNAME may point anywhere but at itself; that a `cfargotunnel.com` name belongs to a tunnel is for the data path to find out. */
function checkContent({ type, content }: WantedRecord, name: string): void {
  const fits = {
    A: isIPv4(content),
    AAAA: isIPv6(content),
    CNAME: isHostName(content) && content !== name,
  };
  if (!fits[type]) {
    throw badRecord(`Content '${content}' is not valid for a record of type ${type}.`);
  }
}

function isHostName(name: string): boolean {
  return (
    name.length <= 253 &&
    /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/i.test(name)
  );
}

/**
 * Throws when the record cannot stand beside the zone's others (cloudflare 7.3.0 resources/dns/records.d.ts): a CNAME shares
 * its name with no A, AAAA or other CNAME (81053, TF#1247), an A or AAAA with no CNAME (81054, favonia/cloudflare-ddns#990),
 * and no two A or AAAA are the same (81058, jeessy2/ddns-go#1378; the older 81057 is in aaPanel#112).
 */
function checkConflicts(
  wanted: Pick<DnsRecord, "zoneId" | "name" | "type" | "content">,
  ownId: string | undefined,
  database: Database,
): void {
  const neighbours = [...database.dnsRecords.values()].filter(
    ({ id, zoneId, name }) => id !== ownId && zoneId === wanted.zoneId && name === wanted.name,
  );
  if (neighbours.length > 0 && wanted.type === "CNAME") {
    throw apiError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.");
  }
  if (neighbours.some(({ type }) => type === "CNAME")) {
    throw apiError(400, 81054, "A CNAME record with that host already exists.");
  }
  if (neighbours.some(({ type, content }) => type === wanted.type && content === wanted.content)) {
    throw apiError(400, 81058, "An identical record already exists.");
  }
}
