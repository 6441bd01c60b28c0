import { problemText } from "../../fleet/problem";
import type { Config } from "../../fleet/config";
import { plural } from "../../fleet/wording";
import { comparePlan, planTokens, type TokenPlan } from "../../provision/preflight";
import type { Site } from "../../fleet/sites";
import type { AccountToken } from "../../cloudflare/service-tokens";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("service tokens");

/** What `up` would do to the account's service tokens, and what speaks against it. */
export function judgeTokens(
  tokens: readonly AccountToken[],
  config: Config,
  sites: readonly Site[],
  ownPrefix: string,
): { readonly plan: TokenPlan; readonly findings: readonly Finding[] } {
  const plan = planTokens(tokens, sites, ownPrefix);
  const { problems, warnings } = comparePlan(tokens, config, sites, ownPrefix);
  const { existing, fleet, toCreate, toRemove } = plan;
  const after = existing + toCreate.length - toRemove.length;
  return {
    plan,
    findings: [
      ok(
        `the account has ${plural(existing, "service token")}, ${fleet} of them this stack's; up makes ${toCreate.length} and removes ${toRemove.length}, which leaves ${after} of ${config.serviceTokenLimit}`,
      ),
      ...problems.map((one) => problem(problemText(one))),
      ...warnings.map((one) => warning(problemText(one))),
    ],
  };
}
