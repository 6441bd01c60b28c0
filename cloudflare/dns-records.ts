import { z } from "zod";
import { mapAnswer, type CloudflareApi } from "./client";

/** What the API token needs for it, as the dashboard names it. */
export const readRecords = "DNS, Read";

const recordSchema = z
  .object({
    id: z.string(),
    type: z.string().catch(""),
    name: z.string().catch(""),
    content: z.string().catch(""),
    proxied: z.boolean().catch(false),
    ttl: z.number().catch(1),
    comment: z.string().nullish().catch(undefined),
  })
  .transform((found) => ({
    id: found.id,
    type: found.type,
    /** In full and in lower case, without a trailing dot. */
    name: found.name.toLowerCase().replace(/\.$/, ""),
    /** Empty for types whose value is not a text. */
    content: found.content,
    proxied: found.proxied,
    /** Seconds; 1 is automatic. */
    ttl: found.ttl,
    comment: found.comment ?? "",
  }));

/** A DNS record of a zone, of any type. */
export type ZoneRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Lists a zone's DNS records, 1,000 a call; Cloudflare takes up to 5 million (docs/facts/cloudflare.md, C61).
 *
 * @param name only those of exactly this name, in lower case.
 */
export async function listRecords(api: CloudflareApi, zoneId: string, name?: string) {
  const listed = await api.list(
    { doing: `list the DNS records of zone ${zoneId}`, what: "the zone's DNS records" },
    recordSchema,
    (page) =>
      api.client.dns.records.list({
        zone_id: zoneId,
        ...(name === undefined ? {} : { name: { exact: name } }),
        ...page,
      }),
  );
  // Said to the server for its sake, and checked here for ours: another name's record stands in nobody's way.
  return mapAnswer(listed, (records) => records.filter((one) => name === undefined || one.name === name));
}

/** Types that say where a host name leads; the others, but for NS, stand beside them and change nothing. */
export const addressTypes: readonly string[] = ["A", "AAAA", "CNAME"];

/**
 * Whether a record keeps one of the same name from being created (errors 81053, 81054, 81058): a CNAME and an NS stand
 * alone, and nothing is there twice. Content that is not known yet counts as another.
 */
export function excludesRecord(
  there: Pick<ZoneRecord, "type" | "content">,
  wanted: { readonly type: string; readonly content?: string | undefined },
): boolean {
  return !addressTypes.includes(there.type)
    ? there.type === "NS"
    : wanted.type === "CNAME" ||
        there.type === "CNAME" ||
        (there.type === wanted.type && there.content === wanted.content);
}
