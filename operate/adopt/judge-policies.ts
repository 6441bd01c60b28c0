import type { Endpoint } from "../../fleet/config";
import { plural } from "../../fleet/wording";
import { nameList } from "../name-list";
import type { AccountApplication } from "../../cloudflare/access-applications";
import { nothing, type Part } from "./part";
import {
  isAnyToken,
  ruledPolicy,
  selectorsIn,
  tokenIdIn,
  tokenIdsIn,
  type RuledPolicy,
} from "./policy-rules";
import type { AccountView } from "./read-account";

/** Whom the policies of an application let in today, and `up`, which replaces them by the sites' own, will not. */
export function judgePolicies(
  application: AccountApplication,
  { hostname }: Pick<Endpoint, "hostname">,
  { view, tokenIds }: { readonly view: AccountView; readonly tokenIds: ReadonlySet<string> },
): Part {
  const policies = application.policies.map((attached) => ruledPolicy(attached, view.policies));
  const subject = (policy: RuledPolicy) => `application "${application.name}": its policy "${policy.name}"`;
  return {
    ...nothing,
    losses: policies.flatMap((policy) => lossesOf(policy, subject(policy), hostname, view, tokenIds)),
    notes: policies.flatMap((policy) => notesOn(policy, subject(policy))),
  };
}

function lossesOf(
  policy: RuledPolicy,
  subject: string,
  hostname: string,
  view: AccountView,
  tokenIds: ReadonlySet<string>,
): readonly string[] {
  const losses: string[] = [];
  const { decision, include } = policy;
  if (decision === "allow") {
    losses.push(
      `${subject} lets people log in on ${hostname}, and \`up\` lets nobody in there but sites. Give people a host name of their own first.`,
    );
  }
  if (decision === "bypass") {
    losses.push(
      `${subject} lets everybody in on ${hostname} without asking, and \`up\` refuses what pushes without a site's token. Give every collector a token first.`,
    );
  }
  if (decision !== "non_identity") {
    return losses;
  }
  const others = tokenIdsIn(policy).filter((id) => !tokenIds.has(id));
  if (others.length > 0) {
    const names = others.map((id) => `"${view.tokens.find((token) => token.id === id)?.name ?? id}"`);
    losses.push(
      `${subject} lets in ${plural(others.length, "service token")} that ${others.length === 1 ? "is" : "are"} to be no site (${nameList(names)}), and \`up\` shuts ${others.length === 1 ? "it" : "them"} out. Choose ${others.length === 1 ? "it" : "them"} too, or make sure that nobody uses ${others.length === 1 ? "it" : "them"}.`,
    );
  }
  if (include.some(isAnyToken)) {
    const count = view.tokens.filter(({ id }) => !tokenIds.has(id)).length;
    if (count > 0) {
      losses.push(
        `${subject} lets in every service token of the account, and \`up\` shuts out ${count === 1 ? "the one that is" : `the ${count} that are`} to be no site. Look at "last seen" in the dashboard, and choose those that push.`,
      );
    }
  }
  const selectors = selectorsIn(include.filter((rule) => tokenIdIn(rule) === undefined && !isAnyToken(rule)));
  if (selectors.length > 0) {
    losses.push(
      `${subject} also lets in by ${selectors.join(" and ")}, and \`up\` lets in by the sites' service tokens alone. Give whoever pushes that way a token first.`,
    );
  }
  return losses;
}

function notesOn(policy: RuledPolicy, subject: string): readonly string[] {
  const conditions = selectorsIn([...policy.exclude, ...policy.require]);
  const named = tokenIdsIn(policy).length;
  return [
    ...(conditions.length === 0
      ? []
      : [
          `${subject} asks for more than a token (${conditions.join(" and ")}), and the stack's policies do not: \`up\` drops that condition.`,
        ]),
    ...(policy.decision === "deny"
      ? [`${subject} blocks by ${selectorsIn(policy.include).join(" and ")}, and \`up\` takes it off.`]
      : []),
    ...(policy.decision !== "non_identity" && named > 0
      ? [
          `${subject} names ${plural(named, "service token")} under the decision ${policy.decision}, which lets no token in. They count as not let in.`,
        ]
      : []),
    ...(policy.reusable ? [] : [`${subject} belongs to it alone and is deleted when \`up\` takes it off.`]),
  ];
}
