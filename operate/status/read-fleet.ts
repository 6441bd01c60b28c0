import { attempt, type Attempt } from "../../fleet/attempt";
import { listApplications } from "../../cloudflare/access-applications";
import { listPolicies, readPolicies } from "../../cloudflare/access-policies";
import { listTokens, readTokens } from "../../cloudflare/service-tokens";
import { answered, type CloudflareApi } from "../../cloudflare/client";
import type { OpenStack } from "../../stack/open-stack";
import { readAdmissions, showsRules, type Admission } from "./admission";
import type { FleetFacts } from "./fleet-status";
import { readStackTokens } from "./stack-tokens";

export interface FleetReading {
  readonly facts: FleetFacts;
  /** Why something could not be read, one whole message each. Not having been read is never a pass. */
  readonly problems: readonly string[];
  /** Requests to Cloudflare, retries included. */
  readonly apiCalls: number;
}

/** Reads what the stack's state and the account say of the fleet: two or three listings, at 1,000 entries a call. */
export async function readFleet(stack: OpenStack): Promise<FleetReading> {
  const [state, account] = await Promise.all([readStackTokens(stack), readAccount(stack)]);
  return {
    facts: {
      sites: stack.sites,
      ownPrefix: stack.ownPrefix,
      held: state.held,
      tokens: account.tokens,
      admissions: account.admissions ?? new Map<never, Admission>(),
    },
    problems: [...new Set([...state.problems, ...account.problems])],
    apiCalls: account.apiCalls,
  };
}

interface AccountReading
  extends Partial<Pick<FleetFacts, "tokens" | "admissions">>, Omit<FleetReading, "facts"> {}

async function readAccount(stack: OpenStack): Promise<AccountReading> {
  const { value: api, problems } = await attempt(stack.cloudflareApi);
  if (api === undefined) {
    return { problems, apiCalls: 0 };
  }
  const [tokens, admissions] = await Promise.all([readAllTokens(stack, api), readAllAdmissions(stack, api)]);
  return {
    ...(tokens.value === undefined ? {} : { tokens: tokens.value }),
    ...(admissions.value === undefined ? {} : { admissions: admissions.value }),
    problems: [...tokens.problems, ...admissions.problems],
    apiCalls: api.requestCount(),
  };
}

const readAllTokens = ({ config }: OpenStack, api: CloudflareApi) =>
  attempt(async () =>
    answered(await listTokens(api, config.accountId), "list the account's service tokens", readTokens),
  );

function readAllAdmissions(
  { config }: OpenStack,
  api: CloudflareApi,
): Promise<Attempt<FleetFacts["admissions"]>> {
  return attempt(async () => {
    const applications = answered(
      await listApplications(api, config.accountId),
      "list the account's Access applications",
      readPolicies,
    );
    const reusable = showsRules(applications)
      ? []
      : answered(
          await listPolicies(api, config.accountId),
          "list the account's Access policies",
          readPolicies,
        );
    return readAdmissions(config.endpoints, applications, reusable);
  });
}
