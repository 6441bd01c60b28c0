import type { Endpoint } from "../../fleet/config";
import type { ZoneRecord } from "../../cloudflare/dns-records";
import { findingsOn, type Finding } from "./finding";
import { isOwn, type Ownership } from "./held-objects";

const { problem } = findingsOn("host names");

/**
 * Types that cannot stand beside the record that `up` makes: A, AAAA and CNAME exclude each other or would take a part of
 * the pushes elsewhere, and NS shares its name with nothing (cloudflare 7.3.0 dns/records.d.ts; errors 81053, 81054).
 */
const inTheWay: readonly string[] = ["A", "AAAA", "CNAME", "NS"];

/** Whether an endpoint's host name is free, or has this stack's own record. */
export function judgeRecords(
  records: readonly ZoneRecord[],
  { signal, hostname }: Endpoint,
  ownership: Ownership,
): readonly Finding[] {
  const key = `sitepass:endpoints.${signal}.hostname: is "${hostname}"`;
  return records
    .filter(({ name, type }) => name === hostname && inTheWay.includes(type))
    .flatMap((record) => {
      if (!isOwn(ownership, record.id, record.comment)) {
        const comment = record.comment === "" ? "no comment" : `the comment "${record.comment}"`;
        return [
          problem(
            `${key}, which already has the DNS record ${record.type} ${record.content} (with ${comment}), not of this stack. Delete it, take another host name, or bring it into the stack with \`sitepass adopt\`.`,
          ),
        ];
      }
      return record.proxied
        ? []
        : [
            problem(
              `${key}, and its DNS record is not proxied: pushes go around Access. Turn the proxy on in the dashboard, or run \`pulumi refresh\` and \`pulumi up\`.`,
            ),
          ];
    });
}
