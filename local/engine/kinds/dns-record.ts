import { z } from "zod";
import { defineKind } from "../resource-kind";

const settings = {
  name: z.string(),
  type: z.enum(["A", "AAAA", "CNAME"]),
  content: z.string(),
  proxied: z.boolean(),
  ttl: z.number(),
};

const inputs = z.strictObject({ zoneId: z.string(), ...settings, comment: z.string().optional() });

const existing = z.object({ ...settings, comment: z.string().nullish() });

/** terraform-provider-cloudflare v5, internal/services/dns_record/resource.go */
export const dnsRecord = defineKind({
  type: "cloudflare:index/dnsRecord:DnsRecord",
  permission: "DNS Edit",
  replaceOn: ["zoneId", "type"],
  inputs,
  scopeOf: ({ zoneId }) => zoneId,
  importIdForm: "<zone_id>/<dns_record_id>",
  create: (client, record) => client.dns.records.create(body(record)),
  update: (client, id, record) => client.dns.records.update(id, { ...body(record), ...repeated }),
  get: (client, id, zone_id) => client.dns.records.get(id, { zone_id }),
  delete: (client, id, zone_id) => client.dns.records.delete(id, { zone_id }),
  inputsOf: (answer, zoneId) => {
    const { comment, ...record } = existing.parse(answer);
    return { zoneId, ...record, comment: comment ?? undefined };
  },
});

/** Computed, in the provider's state once the record is there, and repeated with each change (model.go). */
const repeated: object = {
  settings: { flatten_cname: false, ipv4_only: false, ipv6_only: false },
  tags: [],
};

function body({ zoneId, comment, ...record }: z.infer<typeof inputs>) {
  return { zone_id: zoneId, ...record, ...(comment === undefined ? {} : { comment }) };
}
