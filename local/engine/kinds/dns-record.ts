import { z } from "zod";
import { importIdParts } from "../import-id";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  zoneId: z.string(),
  name: z.string(),
  type: z.enum(["A", "AAAA", "CNAME"]),
  content: z.string(),
  proxied: z.boolean(),
  ttl: z.number(),
  comment: z.string().optional(),
});

const answer = z.looseObject({ id: z.string() });

const imported = answer.extend({
  name: z.string(),
  type: z.enum(["A", "AAAA", "CNAME"]),
  content: z.string(),
  proxied: z.boolean(),
  ttl: z.number(),
  comment: z.string().nullish(),
});

function body({ zoneId, comment, ...record }: z.infer<typeof inputs>) {
  return { zone_id: zoneId, ...record, ...(comment === undefined ? {} : { comment }) };
}

/** terraform-provider-cloudflare v5, internal/services/dns_record/resource.go */
export const dnsRecord = defineKind({
  type: "cloudflare:index/dnsRecord:DnsRecord",
  permission: "DNS Edit",
  replaceOn: ["zoneId", "type"],
  inputs,
  async create(client, record) {
    const { id } = answer.parse(await client.dns.records.create(body(record)));
    return { id, outputs: {} };
  },
  async import(client, importId) {
    const [zoneId, recordId] = importIdParts(importId, "<zone_id>/<dns_record_id>");
    const record = imported.parse(await client.dns.records.get(recordId, { zone_id: zoneId }));
    const { id, name, type, content, proxied, ttl, comment } = record;
    return {
      id,
      inputs: { zoneId, name, type, content, proxied, ttl, comment: comment ?? undefined },
      outputs: {},
    };
  },
  async update(client, id, record) {
    await client.dns.records.update(id, body(record));
    return {};
  },
  async read(client, id, { zoneId }) {
    await client.dns.records.get(id, { zone_id: zoneId });
    return {};
  },
  async delete(client, id, { zoneId }) {
    await client.dns.records.delete(id, { zone_id: zoneId });
  },
});
