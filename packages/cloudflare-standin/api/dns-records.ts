import { z } from "zod";
import type { Database } from "./database";
import { saveRecord } from "./dns-values";
import { pageOf, pagination } from "./envelope";
import { dnsQuota, dnsRecordNotFound } from "./errors";
import { noBody, noQuery, route, type Route } from "./route";
import type { DnsRecord } from "./rows";

/** Bodies by cloudflare 7.3.0 resources/dns/records.d.ts, limits by facts/cloudflare.md §6 and §10. Other record types are not imitated. */
const fields = {
  name: z.string(),
  type: z.enum(["A", "AAAA", "CNAME"], { error: "only A, AAAA and CNAME are imitated" }),
  content: z.string(),
  ttl: z
    .int("must be 1 (automatic) or from 60 to 86400")
    .refine((seconds) => seconds === 1 || (seconds >= 60 && seconds <= 86400), {
      error: "must be 1 (automatic) or from 60 to 86400",
    }),
  proxied: z.boolean(),
  comment: z
    .string()
    .max(100)
    .regex(/^[^\r\n]*$/, "no line breaks"),
  settings: z.strictObject({
    ipv4_only: z.boolean().exactOptional(),
    ipv6_only: z.boolean().exactOptional(),
    flatten_cname: z.boolean().exactOptional(),
  }),
  // The Free plan has no tags (facts/cloudflare.md §6, unverified).
  tags: z.array(z.never("tags are not available on the Free plan")),
};
const wholeBody = z.strictObject({
  ...fields,
  proxied: fields.proxied.default(false),
  comment: fields.comment.exactOptional(),
  settings: fields.settings.default({}),
  tags: fields.tags.exactOptional(),
});
const partialBody = z.strictObject({
  name: fields.name.exactOptional(),
  type: fields.type.exactOptional(),
  content: fields.content.exactOptional(),
  ttl: fields.ttl.exactOptional(),
  proxied: fields.proxied.exactOptional(),
  comment: fields.comment.exactOptional(),
  settings: fields.settings.exactOptional(),
  tags: fields.tags.exactOptional(),
});
const listQuery = z.strictObject({
  ...pagination,
  name: z.string().exactOptional(),
  "name.exact": z.string().exactOptional(),
  content: z.string().exactOptional(),
  "content.exact": z.string().exactOptional(),
  type: z.string().exactOptional(),
});

const collection = "/zones/:zone/dns_records";
const item = `${collection}/:id`;

/** DNS records of a zone (facts/cloudflare.md §10). PUT replaces, PATCH changes what it names. */
export const dnsRecordRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: collection,
    permission: "DNS Write",
    query: noQuery,
    body: wholeBody,
    handle: ({ database, limits, now, zoneId, body }) => {
      const count = [...database.dnsRecords.values()].filter((record) => record.zoneId === zoneId).length;
      if (count >= limits.dnsRecords) {
        throw dnsQuota();
      }
      return { result: shown(saveRecord(body, undefined, zoneId, database, now())) };
    },
  }),
  route({
    method: "GET",
    path: collection,
    permission: "DNS Read",
    query: listQuery,
    body: noBody,
    handle: ({ database, zoneId, query }) => {
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
    },
  }),
  route({
    method: "GET",
    path: item,
    permission: "DNS Read",
    query: noQuery,
    body: noBody,
    handle: ({ database, zoneId, id }) => ({ result: shown(find(database, zoneId, id)) }),
  }),
  route({
    method: "PUT",
    path: item,
    permission: "DNS Write",
    query: noQuery,
    body: wholeBody,
    handle: ({ database, now, zoneId, id, body }) => {
      const record = find(database, zoneId, id);
      return { result: shown(saveRecord(body, record, zoneId, database, now())) };
    },
  }),
  route({
    method: "PATCH",
    path: item,
    permission: "DNS Write",
    query: noQuery,
    body: partialBody,
    handle: ({ database, now, zoneId, id, body }) => {
      const record = find(database, zoneId, id);
      const { name, type, content, ttl, proxied, comment, settings } = { ...record, ...body };
      const merged = {
        name,
        type,
        content,
        ttl,
        proxied,
        settings,
        ...(comment === null ? {} : { comment }),
      };
      return { result: shown(saveRecord(merged, record, zoneId, database, now())) };
    },
  }),
  route({
    method: "DELETE",
    path: item,
    permission: "DNS Write",
    query: noQuery,
    body: noBody,
    handle: ({ database, zoneId, id }) => {
      find(database, zoneId, id);
      database.dnsRecords.delete(id);
      return { result: { id } };
    },
  }),
];

function find(database: Database, zoneId: string, id: string): DnsRecord {
  const record = database.dnsRecords.get(id);
  if (record?.zoneId !== zoneId) {
    throw dnsRecordNotFound();
  }
  return record;
}

/** Fields by cloudflare 7.3.0 resources/dns/records.d.ts RecordResponse. */
function shown(record: DnsRecord): object {
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
