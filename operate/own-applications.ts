/**
 * What somebody did by hand to the applications that the stack put in front of its push hosts. `up` attaches nothing to them but
 * Service Auth policies of its own, which name tokens of sites and nobody else; all the rest is a finding, for `check` and
 * `status` alike.
 */
import type { AccountApplication, AttachedPolicy } from "../cloudflare/access-applications";
import {
  destinationOf,
  isAddressOfNobody,
  policyLetsIn,
  tokenIdIn,
  unnamedToken,
} from "../cloudflare/access-evaluation";
import type { AccessRule } from "../cloudflare/access-policies";
import type { AccountToken } from "../cloudflare/service-tokens";
import type { Endpoint } from "../fleet/config";
import type { Problem } from "../fleet/problem";
import { planApplications, type PlannedApplication } from "../provision/declared-objects";
import { isOwn, ownerOf, type Ownership } from "./ownership";

/** What one of the stack's two applications of an endpoint covers: the write paths, or everything else on the host. */
export type ApplicationRole = keyof ReturnType<typeof planApplications>;

/** What each covers, in words, and what follows where it is missing. */
const roles: Readonly<Record<ApplicationRole, { readonly covers: string; readonly without: string }>> = {
  wholeHost: {
    covers: "the whole host",
    without: "everything else than the write paths is open to anybody",
  },
  writePaths: { covers: "the write paths", without: "no token is let in for pushes" },
};

const roleOf = ({ destinations }: Pick<AccountApplication, "destinations">, { hostname }: Endpoint) => {
  const paths = destinations.map(destinationOf).filter(({ host }) => host === hostname);
  return paths.length === 0 ? undefined : paths.some(({ path }) => path === "") ? "wholeHost" : "writePaths";
};

/** What the stack's policies may hold beside tokens of sites: the one that lets nobody in names an address that nobody has. */
const nameOfNobody = "nobody";

export interface OwnApplicationsContext {
  readonly applications: readonly AccountApplication[];
  /** False where Cloudflare has more applications than it shows. */
  readonly complete: boolean;
  readonly ownership: Ownership;
  /** The account's; undefined when they could not be read, and then the state alone tells a site's token. */
  readonly tokens: readonly AccountToken[] | undefined;
}

/** The stack's own applications on an endpoint's host. */
export const ownApplications = ({ applications, ownership }: OwnApplicationsContext, endpoint: Endpoint) =>
  applications.filter(
    (application) =>
      ownerOf(ownership, application.id, application.name) === "this stack" &&
      roleOf(application, endpoint) !== undefined,
  );

/** The configuration key of an endpoint's host name. */
export const hostnameKey = ({ signal }: Pick<Endpoint, "signal">): string =>
  `sitepass:endpoints.${signal}.hostname`;

/** What to do about what differs from the stack at Cloudflare. */
export const refreshAndUp = "Run `pulumi up --refresh`";

/** The logical names that the state may have a planned application by. */
export const namesInState = ({ logicalName, formerName }: PlannedApplication): readonly string[] => [
  logicalName,
  formerName,
];

/** What is attached to the stack's own applications on an endpoint's host and should not be. */
export function attachedByHand(context: OwnApplicationsContext, endpoint: Endpoint): readonly Problem[] {
  return ownApplications(context, endpoint).flatMap((application) => {
    const its = `is "${endpoint.hostname}", and its application "${application.name}" has the policy`;
    return application.policies.flatMap((policy) => {
      const found = isOwn(context.ownership, policy.id, policy.name)
        ? changedByHand(policy, roleOf(application, endpoint), context)
        : foreignPolicy(policy, context);
      return found === undefined
        ? []
        : [
            {
              subject: hostnameKey(endpoint),
              says: `${its} "${policy.name}", ${found.says}`,
              todo: found.todo,
            },
          ];
    });
  });
}

/**
 * The stack's applications that were there and are not: by the state, or, where that cannot be asked, by the other one of the
 * two. Before the first `up` of an endpoint both are missing, as they should.
 */
export function missingApplications(
  context: OwnApplicationsContext,
  endpoint: Endpoint,
  wanted: readonly ApplicationRole[] = ["wholeHost", "writePaths"],
): readonly Problem[] {
  const { objects, names, ownPrefix } = context.ownership;
  const planned = planApplications(endpoint, ownPrefix);
  const present = ownApplications(context, endpoint).map((application) => roleOf(application, endpoint));
  return (context.complete ? wanted : [])
    .filter((role) => !present.includes(role))
    .filter((role) =>
      objects.kind === "known"
        ? namesInState(planned[role]).some((name) => names.has(name))
        : present.length > 0,
    )
    .map((role) => ({
      subject: hostnameKey(endpoint),
      says: `is "${endpoint.hostname}", and its application for ${roles[role].covers} is not in the account: ${roles[role].without}`,
      todo: `${refreshAndUp}, which makes it again`,
    }));
}

interface Found {
  readonly says: string;
  readonly todo: string;
}

function foreignPolicy(policy: AttachedPolicy, context: OwnApplicationsContext): Found {
  const harm = harmOf(policy, context);
  return {
    says: `which this stack did not attach: ${harm ?? "it names tokens of sites"}`,
    // As after an adoption, before its first `up`.
    todo:
      harm === undefined
        ? `${refreshAndUp}, and do not detach it before: it may be what lets them in`
        : "Detach it in the dashboard, or run `pulumi up --refresh`",
  };
}

/** Undefined for a policy that names tokens of sites alone. */
function harmOf(policy: AttachedPolicy, context: OwnApplicationsContext): string | undefined {
  switch (policy.decision) {
    case "allow":
      return "its decision is allow, so a wrong token is answered with a login page, which collectors take for a delivery";
    case "bypass":
      return `its decision is bypass, so ${policyLetsIn(policy, "without a token") === "yes" ? "everybody" : "whoever its rules match"} may push`;
    case "non_identity":
      return letsInOthers(policy) || foreignRules(policy.include, context).length > 0
        ? "it lets in more than the tokens of sites"
        : undefined;
    case "":
      return "whom it lets in is not shown";
    default:
      return `its decision is ${policy.decision}`;
  }
}

/** Whether a policy lets somebody in, or may, who has no token that it names. */
export const letsInOthers = (policy: AttachedPolicy): boolean =>
  ([unnamedToken, "without a token"] as const).some((sender) => policyLetsIn(policy, sender) !== "no");

function changedByHand(
  policy: AttachedPolicy,
  role: ApplicationRole | undefined,
  context: OwnApplicationsContext,
): Found | undefined {
  const changed = (says: string): Found => ({ says, todo: refreshAndUp });
  const { decision, include, exclude = [], require = [], name } = policy;
  // Empty where Cloudflare does not say it, which is no change.
  if (decision !== "non_identity" && decision !== "") {
    return changed(`whose decision somebody changed to ${decision}`);
  }
  const foreign = foreignRules(include, context, name);
  if (foreign.length > 0) {
    return changed(`into which somebody put ${foreign.join(", and ")}: whoever that is may push`);
  }
  const conditions = [...new Set([...exclude, ...require].flatMap((rule) => Object.keys(rule)))];
  if (conditions.length > 0) {
    return changed(
      `to which somebody added a condition by ${conditions.join(" and ")}: sites that do not meet it are refused`,
    );
  }
  return role === "wholeHost" && (include ?? []).some((rule) => tokenIdIn(rule) !== undefined)
    ? changed("which belongs to the write paths: sites may read and manage with it")
    : undefined;
}

/** Rules that match others than sites, in words; none where the rules are not known. */
function foreignRules(
  include: readonly AccessRule[] | undefined,
  { ownership, tokens }: OwnApplicationsContext,
  policyName = "",
): readonly string[] {
  return (include ?? []).flatMap((rule) => {
    const tokenId = tokenIdIn(rule);
    if (tokenId === undefined) {
      return policyName === ownership.ownPrefix + nameOfNobody && isAddressOfNobody(rule)
        ? []
        : [`a rule by ${Object.keys(rule).join(" and ")}`];
    }
    const token = tokens?.find(({ id }) => id === tokenId);
    const cannotTell = tokens === undefined && ownership.objects.kind === "unknown";
    return cannotTell || isOwn(ownership, tokenId, token?.name ?? "")
      ? []
      : [`the token "${token?.name ?? tokenId}", which is no site's`];
  });
}
