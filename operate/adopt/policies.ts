import type { AccountApplication, AttachedPolicy } from "../../cloudflare/access-applications";
import {
  decidingApplication,
  policyLetsIn,
  tokenIdIn,
  unnamedToken,
  type Sender,
} from "../../cloudflare/access-evaluation";
import type { AccessRule } from "../../cloudflare/access-policies";
import type { Endpoint } from "../../fleet/config";
import type { Problem } from "../../fleet/problem";
import { plural, someOf } from "../../fleet/wording";
import { resourceTypes } from "../../provision/declared-objects";
import { resourceWithId, type PlanInProgress } from "./adoption-plan";
import type { AccountView } from "./read-account";

/** Who may push one signal today. */
export type PushRights = ReturnType<typeof findPushRights>[number];

/** Finds out who may push each signal today: who is let in on at least one of its write paths. */
export function findPushRights({ applications }: AccountView, endpoints: readonly Endpoint[]) {
  return endpoints.map(({ signal, hostname, paths }) => {
    const deciding = new Set(
      paths.flatMap((path) => decidingApplication(applications, hostname, path) ?? []),
    );
    const attached = [...deciding].flatMap(({ name, policies }) =>
      policies.map((policy) => ({ application: name, policy })),
    );
    const lettingIn = (id: string) => attached.filter(({ policy }) => mayLetIn(policy, { id }));
    return {
      signal,
      hostname,
      /** Whether an application covers a write path; where none does, nothing is asked of whoever pushes. */
      guarded: deciding.size > 0,
      letsIn: (tokenId: string) => lettingIn(tokenId).length > 0,
      /** Whether a policy that names the token lets it in. */
      letsInByName: (tokenId: string) =>
        lettingIn(tokenId).some(({ policy }) => tokenIdsIn(policy.include).includes(tokenId)),
      /** Service Auth policies that may let in tokens without naming them, and their applications, by name. */
      unnamed: attached
        .filter(({ policy }) => policy.decision === "non_identity" && mayHideTokens(policy))
        .map(({ application, policy }) => ({ application, policy: policy.name })),
      undecided: attached
        .filter(({ policy }) => policy.decision === "")
        .map(({ application, policy }) => undecidedProblem(application, policy.name)),
    };
  });
}

/** That who pushes by a policy is not known, and would be taken for a site that does not push. */
const undecidedProblem = (application: string, policy: string): Problem => ({
  subject: `application "${application}"`,
  says: `Cloudflare does not say the decision of its policy "${policy}", so whom it lets in today cannot be told`,
  todo: "Run this again; if it says the same, save the policy anew in the dashboard, or take it off the application",
});

/** Whether a policy's include lets the sender in, and nothing keeps it out for certain: conditions on addresses count as met. */
const mayLetIn = (policy: AttachedPolicy, sender: Sender): boolean =>
  policyLetsIn({ decision: policy.decision, include: policy.include }, sender) === "yes" &&
  policyLetsIn(policy, sender) !== "no";

const mayHideTokens = (policy: AttachedPolicy): boolean =>
  mayLetIn(policy, unnamedToken) || (policy.include?.some((rule) => "group" in rule) ?? true);

/** IDs of the service tokens that rules name. */
const tokenIdsIn = (rules: readonly AccessRule[] = []): readonly string[] =>
  rules.flatMap((rule) => tokenIdIn(rule) ?? []);

/** The selectors of rules, such as `ip` or `email_domain`, each once. */
const selectorsIn = (rules: readonly AccessRule[] = []): string =>
  [...new Set(rules.flatMap((rule) => Object.keys(rule)))].join(" and ");

/** A plan of which it is known whose tokens become sites. */
export interface PlanWithTokens extends PlanInProgress {
  /** IDs of the tokens that become sites, or are already. */
  readonly siteTokens: ReadonlySet<string>;
  /** Signals that some site pushes; the others' applications get no policy. */
  readonly pushed: ReadonlySet<string>;
}

/** Finds whom the policies of an application let in today, and `up`, which replaces them by the sites' own, will not. */
export function findPolicyLosses(
  { name, policies }: AccountApplication,
  hostname: string,
  plan: PlanWithTokens,
): void {
  const subject = `application "${name}"`;
  for (const policy of policies) {
    const its = `its policy "${policy.name}"`;
    for (const [says, todo] of lossesWith(policy, hostname, plan)) {
      plan.losses.push({ subject, says: `${its} ${says}`, todo });
    }
    for (const note of notesOn(policy, plan)) {
      plan.notes.push(`${subject}: ${its} ${note}.`);
    }
  }
}

function* lossesWith(
  policy: AttachedPolicy,
  hostname: string,
  { account: { tokens }, siteTokens }: PlanWithTokens,
): Generator<readonly [says: string, todo: string]> {
  const { decision, include } = policy;
  if (decision === "allow") {
    yield [
      `lets people log in on ${hostname}, and \`up\` lets nobody in there but sites`,
      "Give people a host name of their own first",
    ];
  }
  if (include === undefined && (decision === "bypass" || decision === "non_identity")) {
    yield [
      "has rules that Cloudflare does not show, and `up` lets in by the sites' service tokens alone",
      "Look at it in the dashboard, and give whatever pushes by it a token first",
    ];
    return;
  }
  const withoutToken = policyLetsIn(policy, "without a token");
  const selectors = selectorsIn(
    include?.filter((rule) => policyLetsIn({ decision, include: [rule] }, "without a token") !== "no"),
  );
  if (decision === "bypass" && withoutToken !== "no") {
    const everybody = withoutToken === "yes" ? "everybody in" : `in by ${selectors}`;
    yield [
      `lets ${everybody} on ${hostname} without asking, and \`up\` refuses what pushes without a site's token`,
      "Give every collector a token first",
    ];
    if (withoutToken === "yes") {
      return;
    }
  }
  const others = tokenIdsIn(include).filter((id) => !siteTokens.has(id) && mayLetIn(policy, { id }));
  if (others.length > 0) {
    const names = someOf(others.map((id) => `"${tokens.find((token) => token.id === id)?.name ?? id}"`));
    const [become, them] = others.length === 1 ? ["becomes", "it"] : ["become", "them"];
    yield [
      `lets in ${plural(others.length, "service token")} that ${become} no site (${names}), and \`up\` shuts ${them} out`,
      `Choose ${them} too, or make sure that nobody uses ${them}`,
    ];
  }
  const count = tokens.filter(({ id }) => !siteTokens.has(id)).length;
  if (count > 0 && mayLetIn(policy, unnamedToken)) {
    yield [
      `lets in every service token of the account, and \`up\` shuts out the ${count === 1 ? "one that becomes" : `${count} that become`} no site`,
      'Look at "last seen" in the dashboard, and choose those that push',
    ];
  }
  if (selectors !== "" && decision === "non_identity") {
    yield [
      `also lets in by ${selectors}, and \`up\` lets in by the sites' service tokens alone`,
      "Give whatever pushes that way a token first",
    ];
  }
}

function* notesOn(
  { id, decision, reusable, include, exclude = [], require = [] }: AttachedPolicy,
  { account }: PlanInProgress,
): Generator<string> {
  const conditions = selectorsIn([...exclude, ...require]);
  if (conditions !== "") {
    yield `asks for more than a token (${conditions}), and the stack's policies do not: \`up\` drops that condition`;
  }
  if (decision === "deny") {
    yield `blocks by ${selectorsIn(include)}, and \`up\` takes it off`;
  }
  const named = tokenIdsIn(include).length;
  if (named > 0 && (decision === "allow" || decision === "deny")) {
    yield `names ${plural(named, "service token")} under the decision ${decision}, which lets no token in, so ${named === 1 ? "it counts" : "they count"} as not let in`;
  }
  // A policy that belongs to one application is in no list.
  if (!(reusable ?? account.policies.some((policy) => policy.id === id))) {
    yield "belongs to this application alone and is deleted when `up` takes it off";
  }
}

/**
 * Finds the reusable policies that name tokens of sites and are not this stack's. They let nobody in any more where `up`
 * takes them off, but while they name a token, Cloudflare does not delete it (error 12139): a site could not be removed.
 *
 * @returns each with how many of the sites' tokens it names, the names of the applications that keep it, and a message.
 */
export function leftOverPolicies(plan: PlanWithTokens) {
  const { account, adoptions, siteTokens, ownPrefix } = plan;
  const keeping = account.applications.filter(
    ({ id }) =>
      resourceWithId(plan, resourceTypes.application, id) === undefined &&
      !adoptions.some(({ importId }) => importId.endsWith(`/${id}`)),
  );
  return account.policies
    .filter(({ name }) => !name.startsWith(ownPrefix))
    .flatMap(({ id, name, include, exclude, require }) => {
      const named = new Set(tokenIdsIn([...include, ...exclude, ...require]));
      const tokens = [...named].filter((token) => siteTokens.has(token)).length;
      const stillOn = keeping
        .filter(({ policies }) => policies.some((attached) => attached.id === id))
        .map((application) => application.name);
      const [where, todo] =
        stillOn.length === 0
          ? ["in the account", "Delete it in the dashboard after the first `up`"]
          : [
              `on ${someOf(stillOn.map((one) => `"${one}"`))}`,
              "Take its token out in the dashboard before you remove a site",
            ];
      const says = `policy "${name}": stays ${where} and names ${plural(tokens, "site token")}; a site cannot be removed while it does (error 12139). ${todo}.`;
      return tokens === 0 ? [] : [{ id, name, tokens, stillOn, says }];
    });
}
