import { z } from "zod";
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
