import type { Database } from "./database";
import { invalidRequest } from "./errors";
import { ruleRow, type Rule } from "./rows";

/**
 * Checks the rules of one list of a policy. Throws 12130 on an unknown selector, on more or less than one selector in a
 * rule (TF customvalidator ObjectSizeAtMost(1)), and on a service token whose ID does not exist, such as its name or
 * client ID (TF#2336, TF#2702: "invalid 'include' configuration"). Wordings after that sentence are the stand-in's.
 *
 * Selectors that exist and are not imitated (azureAD, okta, device_posture, ...) are refused like unknown ones.
 */
export function checkedRules(
  list: "include" | "exclude" | "require",
  rules: readonly unknown[],
  database: Database,
): Rule[] {
  return rules.map((rule, index) => {
    const refusal = `invalid '${list}' configuration`;
    const where = `${refusal}: ${list}[${index}]`;
    const selectors = typeof rule === "object" && rule !== null ? Object.keys(rule) : [];
    if (selectors.length !== 1) {
      throw invalidRequest(`${where} has ${selectors.length} selectors instead of one`);
    }
    const parsed = ruleRow.safeParse(rule);
    if (!parsed.success) {
      throw invalidRequest(`${where}: selector '${selectors.join()}' is unknown, not imitated, or malformed`);
    }
    if ("service_token" in parsed.data && !database.serviceTokens.has(parsed.data.service_token.token_id)) {
      throw invalidRequest(refusal);
    }
    return parsed.data;
  });
}
