/**
 * Who does Access let in? Whoever asks that of an account (status, check, adopt) asks it here. Nothing here asks Cloudflare.
 *
 * Of the applications that cover a URL one decides, and inherits nothing from the others (cloudflare-docs,
 * access-controls/policies/app-paths "Policy inheritance"); decidingApplication finds it. Its policies then say whom they
 * let in: applicationLetsIn. Where no application covers a URL, Access lets in everybody.
 */
import type { AccountApplication, AttachedPolicy } from "./access-applications";
import { addressOfNobody, type AccessRule } from "./access-policies";
import type { AccountToken } from "./service-tokens";

/** Where an Access application applies. */
export interface Destination {
  /** Lower case; may hold wildcards. */
  readonly host: string;
  /** Empty for the whole host; otherwise from the first slash on, without one at the end. */
  readonly path: string;
}

/** Reads a destination. `host`, `host/` and `host/*` are the same place (app-paths). */
export function destinationOf(shown: string): Destination {
  // Cloudflare shows none; a bookmark's link has one.
  const uri = shown.replace(/^https?:\/\//i, "");
  const slash = uri.includes("/") ? uri.indexOf("/") : uri.length;
  return {
    host: uri.slice(0, slash).toLowerCase(),
    path: uri
      .slice(slash)
      .replace(/^\/\*$/, "")
      .replace(/\/+$/, ""),
  };
}

/** Whether a destination applies to the host at all. In a host name `*` stays within its label (app-paths). */
export function coversHost({ host }: Destination, wanted: string): boolean {
  return new RegExp(`^${escaped(host).replace(/^\*\./, "[^.]+\\.").replaceAll("*", "[^.]*")}$`).test(wanted);
}

/** In a path `*` crosses slashes. A path also covers what is below it, and one that ends in `/*` only that (app-paths). */
function coversUrl(destination: Destination, host: string, path: string): boolean {
  const pattern = escaped(destination.path).replaceAll("*", ".*");
  return (
    coversHost(destination, host) &&
    new RegExp(`^${pattern}${destination.path.endsWith("*") ? "" : "(?:/.*)?"}$`).test(path)
  );
}

/** For a regular expression; asterisks stay. */
const escaped = (text: string): string => text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&");

/**
 * The application that decides about a URL, if one covers it: the one with the most specific destination. A full host name
 * is more specific than a wildcard, a longer path more than a shorter one, and of equally long ones the one without a
 * wildcard; beyond the longer path Cloudflare does not document the order.
 *
 * @param path from the first slash on, without query; case counts.
 */
export function decidingApplication<T extends Pick<AccountApplication, "destinations">>(
  applications: readonly T[],
  host: string,
  path: string,
): T | undefined {
  return applications
    .flatMap((application) =>
      application.destinations
        .map(destinationOf)
        .filter((destination) => coversUrl(destination, host, path))
        .map((destination) => ({ application, specificity: specificityOf(destination) })),
    )
    .sort((one, other) => compare(other.specificity, one.specificity))[0]?.application;
}

const specificityOf = ({ host, path }: Destination): readonly number[] => [
  host.includes("*") ? 0 : 1,
  host.length,
  path.replaceAll("*", "").length,
  path.includes("*") ? 0 : 1,
];

/** By the first number that differs. */
function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, position) => value !== other[position]);
  return index === -1 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}

/** Whether somebody is let in; "perhaps" where that depends on what the account does not tell, such as an address. */
export type LetsIn = "yes" | "no" | "perhaps";

/** The token that a request carries, by its ID, or none. Only a valid token counts as one: see isValidToken. */
export type Sender = Pick<AccountToken, "id"> | "without a token";

/** A valid token that no rule names. */
export const unnamedToken: Sender = { id: "" };

/** Whether Access takes a token for one: a disabled or expired token counts as none (cloudflare-docs, service-tokens). */
export function isValidToken(token: Pick<AccountToken, "enabled" | "expiresAt">, now: Date): boolean {
  const { enabled, expiresAt } = token;
  return enabled !== false && (typeof expiresAt !== "string" || Date.parse(expiresAt) > now.getTime());
}

/**
 * Whether an application lets the sender in.
 *
 * Bypass and Service Auth policies come first, so that a Block policy takes nothing from them, whatever its precedence; each of
 * them lets in whom it matches, so that their order does not matter here. What no policy lets in is refused (cloudflare-docs,
 * access-controls/policies "Order of execution").
 */
export function applicationLetsIn(
  { policies }: { readonly policies: readonly RuledPolicy[] },
  sender: Sender,
): LetsIn {
  return anyOf(policies.map((policy) => policyLetsIn(policy, sender)));
}

/** What of a policy decides. Without `include` its rules are not known. */
type RuledPolicy = Pick<AttachedPolicy, "decision" | "include"> &
  Partial<Pick<AttachedPolicy, "exclude" | "require">>;

/**
 * Whether a policy by itself lets the sender in. An Allow policy asks for a log-in, so it lets no token in
 * (cloudflare-docs, access-controls/policies, table of selectors). Bypass lets in whom its rules match, and no others.
 */
export function policyLetsIn({ decision, include, exclude, require }: RuledPolicy, sender: Sender): LetsIn {
  // Empty where Cloudflare does not say it.
  if (!["bypass", "non_identity", ""].includes(decision)) {
    return "no";
  }
  if (include === undefined || decision === "") {
    return "perhaps";
  }
  const answers = (rules: readonly AccessRule[] = []) => rules.map((rule) => ruleMatches(rule, sender));
  return allOf([anyOf(answers(include)), ...answers(require), opposite[anyOf(answers(exclude))]]);
}

const anyOf = (answers: readonly LetsIn[]): LetsIn =>
  answers.includes("yes") ? "yes" : answers.includes("perhaps") ? "perhaps" : "no";

/** Of several questions: whether each answer is "yes". */
export const allOf = (answers: readonly LetsIn[]): LetsIn =>
  answers.includes("no") ? "no" : answers.includes("perhaps") ? "perhaps" : "yes";

const opposite = { yes: "no", no: "yes", perhaps: "perhaps" } as const satisfies Record<LetsIn, LetsIn>;

/** Selectors of who somebody is, which a request without a log-in never matches (the same table). */
const identitySelectors = [
  "auth_context",
  "auth_method",
  "azureAD",
  "cloudflare_account_member",
  "email",
  "email_domain",
  "email_list",
  "github-organization",
  "gsuite",
  "login_method",
  "oidc",
  "okta",
  "saml",
  "user_risk_score",
] as const;

function ruleMatches(rule: AccessRule, sender: Sender): LetsIn {
  if ("everyone" in rule) {
    return "yes";
  }
  if ("any_valid_service_token" in rule) {
    return sender === "without a token" ? "no" : "yes";
  }
  if ("service_token" in rule) {
    return sender !== "without a token" && tokenIdIn(rule) === sender.id ? "yes" : "no";
  }
  return isAddressOfNobody(rule) || identitySelectors.some((selector) => selector in rule) ? "no" : "perhaps";
}

/** Whether a rule is the one that matches nobody, however its single address is written. */
export const isAddressOfNobody = ({ ip, ...others }: AccessRule): boolean =>
  typeof ip === "object" &&
  ip !== null &&
  "ip" in ip &&
  (ip.ip === addressOfNobody || `${String(ip.ip)}/32` === addressOfNobody) &&
  Object.keys(others).length === 0;

/** The ID of the service token that a rule names; undefined for other rules. */
export function tokenIdIn({ service_token: named }: AccessRule): string | undefined {
  return typeof named === "object" &&
    named !== null &&
    "token_id" in named &&
    typeof named.token_id === "string"
    ? named.token_id
    : undefined;
}
