import { z } from "zod";
import { ruleCount } from "./access-policies";
import type { Database } from "./database";
import { accessQuota, badRequest, invalidRequest } from "./errors";
import type { Limits } from "./limits";
import type { AccessApplication } from "./rows";

const link = z.strictObject({ id: z.string(), precedence: z.int().exactOptional() });

/**
 * The reusable policies of an application, by precedence. An item is an ID or `{ id, precedence }`; a missing precedence is
 * its place in the list, from 1 (facts/pulumi.md §5). A list left out means none: a PUT without it detaches all.
 *
 * Throws 12130 on a precedence below 1 or used twice ("policy precedences must be unique", facts/cloudflare.md §4), on an
 * unknown policy and on more rules than the limit (wordings are a gap), and 400 on an inline policy, which is not imitated.
 */
export function checkedLinks(
  items: readonly unknown[] = [],
  database: Database,
  limits: Limits,
): AccessApplication["policies"] {
  const links = items.map((item, index) => {
    const parsed = link.safeParse(typeof item === "string" ? { id: item } : item);
    if (!parsed.success) {
      throw badRequest([
        `policies[${index}]: only an ID or { id, precedence } of a reusable policy is imitated`,
      ]);
    }
    const { id, precedence = index + 1 } = parsed.data;
    if (!database.policies.has(id)) {
      throw invalidRequest(`policy '${id}' does not exist`);
    }
    if (precedence < 1) {
      throw invalidRequest("policy precedences must be at least 1");
    }
    return { id, precedence };
  });
  if (new Set(links.map(({ precedence }) => precedence)).size !== links.length) {
    throw invalidRequest("policy precedences must be unique");
  }
  if (new Set(links.map(({ id }) => id)).size !== links.length) {
    throw invalidRequest("policies must be unique");
  }
  if (ruleCount(links.map(({ id }) => database.policies.get(id))) > limits.rulesPerApplication) {
    throw accessQuota("rules per application");
  }
  return links.sort((one, other) => one.precedence - other.precedence);
}
