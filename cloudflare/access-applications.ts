import { z } from "zod";
import type { CallResult, CloudflareApi } from "./client";
import { listPolicies, rulesSchema, type AccessRule, type AccountPolicy } from "./access-policies";

/** A policy as an application shows it. */
export interface AttachedPolicy {
  readonly id: string;
  readonly name: string;
  readonly decision: string;
  readonly precedence: number | undefined;
  /** Undefined when Cloudflare does not say; a policy that belongs to one application alone is in no other list. */
  readonly reusable: boolean | undefined;
  /** Undefined when the application shows the policy without its rules. */
  readonly include: readonly AccessRule[] | undefined;
  readonly exclude: readonly AccessRule[] | undefined;
  readonly require: readonly AccessRule[] | undefined;
}

/** An Access application of any type. */
export interface AccountApplication {
  readonly id: string;
  readonly name: string;
  /** `self_hosted`, `saas`, `bookmark` and others. */
  readonly type: string;
  /** Host and path; empty for types without. */
  readonly domain: string;
  /** Hosts and paths of the public destinations, without scheme; the domain where the application lists none. */
  readonly destinations: readonly string[];
  /** In the order of precedence, where it is known. */
  readonly policies: readonly AttachedPolicy[];
  /** Audience tag; empty for types without. */
  readonly aud: string;
  /** Whether a refused request is answered with 401 in place of a redirect to a login page. */
  readonly serviceAuth401Redirect: boolean;
  /** Undefined when Cloudflare does not say, like the next one. */
  readonly sessionDuration: string | undefined;
  readonly appLauncherVisible: boolean | undefined;
  /** The one header that carries both halves of a service token, where that is allowed beside the usual two. */
  readonly tokenHeader: string | undefined;
  /** Names of the optional settings that have a value. */
  readonly otherSettings: readonly string[];
}

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
] as const;

const attachedPolicySchema = z
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
  .transform(({ include, exclude, require, ...policy }): AttachedPolicy => ({
    ...policy,
    precedence: policy.precedence,
    reusable: policy.reusable,
    include: include ?? undefined,
    exclude: exclude ?? undefined,
    require: require ?? undefined,
  }));

const applicationSchema = z
  .looseObject({
    id: z.string(),
    name: z.string().catch(""),
    type: z.string().catch(""),
    domain: z.string().catch(""),
    destinations: z
      .array(z.object({ type: z.string().catch("public"), uri: z.string().optional() }))
      .nullish(),
    self_hosted_domains: z.array(z.string()).nullish(),
    policies: z.array(attachedPolicySchema).nullish(),
    aud: z.string().catch(""),
    service_auth_401_redirect: z.boolean().catch(false),
    session_duration: z.string().optional().catch(undefined),
    app_launcher_visible: z.boolean().optional().catch(undefined),
    read_service_tokens_from_header: z.string().optional().catch(undefined),
  })
  .transform((application): AccountApplication => {
    const uris = application.destinations?.flatMap(({ type, uri }) =>
      type === "public" && uri !== undefined ? [uri] : [],
    );
    const named = uris ?? application.self_hosted_domains ?? [];
    const { id, name, type, domain, aud } = application;
    return {
      id,
      name,
      type,
      domain,
      aud,
      destinations: named.length > 0 || domain === "" ? named : [domain],
      policies: [...(application.policies ?? [])].sort((a, b) => (a.precedence ?? 0) - (b.precedence ?? 0)),
      serviceAuth401Redirect: application.service_auth_401_redirect,
      sessionDuration: application.session_duration,
      appLauncherVisible: application.app_launcher_visible,
      tokenHeader: application.read_service_tokens_from_header,
      otherSettings: optionalSettings.filter((setting) => isSet(application[setting])),
    };
  });

/** Lists, texts and objects may be there and empty, which says nothing. */
function isSet(value: unknown): boolean {
  return typeof value === "object" && value !== null
    ? Object.keys(value).length > 0
    : value !== undefined && value !== null && value !== false && value !== "";
}

/** Lists every Access application of an account, with its policies. */
export function listApplications(
  api: CloudflareApi,
  accountId: string,
): Promise<CallResult<readonly AccountApplication[]>> {
  return api.list(
    {
      doing: `list the Access applications of account ${accountId}`,
      what: "the account's Access applications",
    },
    applicationSchema,
    (page) => api.client.zeroTrust.access.applications.list({ account_id: accountId, ...page }),
  );
}

/** As listApplications, with the rules of every policy that shows them anywhere: where an application leaves them out, one more listing. */
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
    ? { kind: "answered", value: withRules(listed.value, reusable.value) }
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
