import { z } from "zod";
import { listPolicies, rulesSchema, type AccessRule, type AccountPolicy } from "./access-policies";
import { mapAnswer, type CallResult, type CloudflareApi } from "./client";

/**
 * Optional settings of a self-hosted application that this project leaves alone (cloudflare 7.3.0,
 * zero-trust/access/applications, SelfHostedApplication).
 */
const optionalSettings = [
  "allow_authenticate_via_warp",
  "allow_iframe",
  "allowed_idps",
  "auto_redirect_to_identity",
  "cors_headers",
  "custom_deny_message",
  "custom_deny_url",
  "custom_non_identity_deny_url",
  "custom_pages",
  "enable_binding_cookie",
  "logo_url",
  "mfa_config",
  "oauth_configuration",
  "options_preflight_bypass",
  "path_cookie_attribute",
  "same_site_cookie_attribute",
  "scim_config",
  "skip_interstitial",
  "tags",
];

const policyObjectSchema = z
  .object({
    id: z.string(),
    name: z.string().catch(""),
    decision: z.string().catch(""),
    precedence: z.number().optional().catch(undefined),
    reusable: z.boolean().optional().catch(undefined),
    include: rulesSchema,
    exclude: rulesSchema,
    require: rulesSchema,
  })
  .transform((found) => ({
    id: found.id,
    name: found.name,
    decision: found.decision,
    precedence: found.precedence,
    /** Undefined when Cloudflare does not say; a policy that belongs to one application alone is in no other list. */
    reusable: found.reusable,
    /** Undefined when the application shows the policy without its rules. */
    include: rulesOf(found.include),
    exclude: rulesOf(found.exclude),
    require: rulesOf(found.require),
  }));

const rulesOf = (found: z.infer<typeof rulesSchema>): readonly AccessRule[] | undefined => found ?? undefined;

/** Its ID alone is one of the forms that an application is given its policies in (cloudflare 7.3.0, ApplicationCreateParams). */
const attachedPolicySchema = z
  .union([z.string().transform((id) => ({ id })), z.unknown()])
  .pipe(policyObjectSchema);

/** A policy as an application shows it. */
export type AttachedPolicy = Readonly<z.infer<typeof attachedPolicySchema>>;

const applicationSchema = z
  .looseObject({
    id: z.string(),
    name: z.string().catch(""),
    type: z.string().catch(""),
    domain: z.string().catch(""),
    destinations: z
      .array(z.object({ type: z.string().catch("public"), uri: z.string().nullish() }))
      .nullish(),
    self_hosted_domains: z.array(z.string()).nullish(),
    policies: z.array(attachedPolicySchema).nullish(),
    aud: z.string().catch(""),
    service_auth_401_redirect: z.boolean().optional().catch(undefined),
    session_duration: z.string().optional().catch(undefined),
    app_launcher_visible: z.boolean().optional().catch(undefined),
    read_service_tokens_from_header: z.string().optional().catch(undefined),
  })
  .transform((found) => {
    const uris = (found.destinations ?? []).flatMap(({ type, uri }) =>
      type === "public" && typeof uri === "string" ? [uri] : [],
    );
    const named: readonly string[] = uris.length > 0 ? uris : (found.self_hosted_domains ?? []);
    const policies: readonly AttachedPolicy[] = (found.policies ?? []).toSorted(
      (a, b) => (a.precedence ?? 0) - (b.precedence ?? 0),
    );
    const otherSettings: readonly string[] = optionalSettings.filter((setting) => isSet(found[setting]));
    return {
      id: found.id,
      name: found.name,
      /** `self_hosted`, `saas`, `bookmark` and others. */
      type: found.type,
      /** Host and path; empty for types without. */
      domain: found.domain,
      /** Hosts and paths of the public destinations, without scheme; the domain where the application lists none. */
      destinations: named.length > 0 || found.domain === "" ? named : [found.domain],
      /** In the order of precedence, where it is known. */
      policies,
      /** Audience tag; empty for types without. */
      aud: found.aud,
      /** Whether a refused request is answered with 401 in place of a redirect to a login page; undefined when Cloudflare does not say. */
      serviceAuth401Redirect: found.service_auth_401_redirect,
      /** Undefined when Cloudflare does not say, like the next one. */
      sessionDuration: found.session_duration,
      appLauncherVisible: found.app_launcher_visible,
      /** The one header that carries both halves of a service token, where that is allowed beside the usual two. */
      tokenHeader: found.read_service_tokens_from_header,
      /** Names of the optional settings that have a value. */
      otherSettings,
    };
  });

/** An Access application of any type. */
export type AccountApplication = Readonly<z.infer<typeof applicationSchema>>;

/** Lists, texts and objects may be there and empty, which says nothing. */
function isSet(value: unknown): boolean {
  return typeof value === "object" && value !== null
    ? Object.keys(value).length > 0
    : value !== undefined && value !== null && value !== false && value !== "";
}

/** Lists every Access application of an account, with its policies. */
export function listApplications(api: CloudflareApi, accountId: string) {
  return api.list(
    {
      doing: `list the Access applications of account ${accountId}`,
      what: "the account's Access applications",
    },
    applicationSchema,
    (page) => api.client.zeroTrust.access.applications.list({ account_id: accountId, ...page }),
  );
}

/** As listApplications, with the rules of every policy that shows them anywhere; one more listing where an application leaves them out. */
export async function listApplicationsWithRules(
  api: CloudflareApi,
  accountId: string,
): Promise<CallResult<readonly AccountApplication[]>> {
  const listed = await listApplications(api, accountId);
  if (
    listed.kind !== "answered" ||
    listed.value.every(({ policies }) => policies.every(({ include }) => include !== undefined))
  ) {
    return listed;
  }
  const reusable = await listPolicies(api, accountId);
  return reusable.kind === "answered"
    ? mapAnswer(listed, (applications) => withRules(applications, reusable.value))
    : reusable;
}

/** Fills in from the account's reusable policies what applications leave out of theirs. */
export function withRules<T extends Pick<AccountApplication, "policies">>(
  applications: readonly T[],
  reusable: readonly AccountPolicy[],
): readonly T[] {
  const byId = new Map(reusable.map((policy) => [policy.id, policy]));
  return applications.map((application) => ({
    ...application,
    policies: application.policies.map((policy) => {
      const listed = byId.get(policy.id);
      return policy.include === undefined && listed !== undefined ? { ...policy, ...listed } : policy;
    }),
  }));
}
