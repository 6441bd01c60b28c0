import { z } from "zod";

/**
 * The rows of the database. Fields that Cloudflare's answers have keep Cloudflare's names; what only the stand-in knows
 * is in camelCase. They are schemas, because a state file is input like any other.
 */

const text = z.string();

export const serviceTokenRow = z.strictObject({
  id: text,
  client_id: text,
  name: text,
  duration: text,
  enabled: z.boolean(),
  created_at: text,
  updated_at: text,
  /** Null for a token that lasts `forever`. */
  expires_at: text.nullable(),
  /** Written by the data path when the token is used. */
  lastSeenAt: text.nullable(),
  clientSecretVersion: z.number(),
  clientSecretHash: text,
  previousClientSecretHash: text.exactOptional(),
  previousClientSecretExpiresAt: text.exactOptional(),
});
export type ServiceToken = z.infer<typeof serviceTokenRow>;

const empty = z.strictObject({});

/** One rule of a policy: an object with exactly one selector (TF customvalidator ObjectSizeAtMost(1)). */
export const ruleRow = z.union([
  z.strictObject({ service_token: z.strictObject({ token_id: text }) }),
  z.strictObject({ any_valid_service_token: empty }),
  z.strictObject({ everyone: empty }),
  z.strictObject({ ip: z.strictObject({ ip: text }) }),
  z.strictObject({ ip_list: z.strictObject({ id: text }) }),
  z.strictObject({ geo: z.strictObject({ country_code: text }) }),
  z.strictObject({ email: z.strictObject({ email: text }) }),
  z.strictObject({ email_domain: z.strictObject({ domain: text }) }),
  z.strictObject({ group: z.strictObject({ id: text }) }),
  z.strictObject({ common_name: z.strictObject({ common_name: text }) }),
  z.strictObject({ certificate: empty }),
  z.strictObject({ login_method: z.strictObject({ id: text }) }),
]);
export type Rule = z.infer<typeof ruleRow>;

export const decisions = ["allow", "deny", "non_identity", "bypass"] as const;

export const accessPolicyRow = z.strictObject({
  id: text,
  name: text,
  decision: z.enum(decisions),
  include: z.array(ruleRow),
  exclude: z.array(ruleRow),
  require: z.array(ruleRow),
  session_duration: text,
  approval_required: z.boolean(),
  isolation_required: z.boolean(),
  purpose_justification_required: z.boolean(),
  purpose_justification_prompt: text.exactOptional(),
  created_at: text,
  updated_at: text,
});
export type AccessPolicy = z.infer<typeof accessPolicyRow>;

/** Optional fields of a self-hosted application that are kept and given back, and that nothing here acts on except `read_service_tokens_from_header` in the data path. */
export const applicationSettings = {
  allow_authenticate_via_warp: z.boolean(),
  allow_iframe: z.boolean(),
  allowed_idps: z.array(text),
  auto_redirect_to_identity: z.boolean(),
  custom_deny_message: text,
  custom_deny_url: text,
  custom_non_identity_deny_url: text,
  custom_pages: z.array(text),
  eager_redirect_cookie_setting: z.boolean(),
  enable_binding_cookie: z.boolean(),
  logo_url: text,
  options_preflight_bypass: z.boolean(),
  path_cookie_attribute: z.boolean(),
  read_service_tokens_from_header: text,
  same_site_cookie_attribute: z.enum(["none", "lax", "strict"]),
  skip_app_launcher_login_page: z.boolean(),
  skip_interstitial: z.boolean(),
  tags: z.array(text),
  use_clientless_isolation_app_launcher_url: z.boolean(),
};

export const accessApplicationRow = z.strictObject({
  id: text,
  /** 64 hex digits, stable for the application's life (facts/cloudflare.md §5). */
  aud: text,
  name: text,
  type: z.literal("self_hosted"),
  /** Host and path, one of the destinations. */
  domain: text,
  destinations: z.array(z.strictObject({ type: z.literal("public"), uri: text })),
  /** By precedence, lowest first. */
  policies: z.array(z.strictObject({ id: text, precedence: z.number() })),
  session_duration: text,
  app_launcher_visible: z.boolean(),
  http_only_cookie_attribute: z.boolean(),
  service_auth_401_redirect: z.boolean(),
  settings: z.strictObject(applicationSettings).partial(),
  created_at: text,
  updated_at: text,
});
export type AccessApplication = z.infer<typeof accessApplicationRow>;

export const dnsRecordRow = z.strictObject({
  id: text,
  zoneId: text,
  name: text,
  type: z.enum(["A", "AAAA", "CNAME"]),
  content: text,
  proxied: z.boolean(),
  ttl: z.number(),
  settings: z.record(text, z.boolean()),
  comment: text.nullable(),
  comment_modified_on: text.nullable(),
  created_on: text,
  modified_on: text,
});
export type DnsRecord = z.infer<typeof dnsRecordRow>;

export const zoneRow = z.strictObject({ id: text, name: text, created_on: text, fight_mode: z.boolean() });
export type Zone = z.infer<typeof zoneRow>;

export const notificationPolicyRow = z.strictObject({
  id: text,
  name: text,
  description: text,
  alert_type: text,
  alert_interval: text,
  enabled: z.boolean(),
  filters: z.record(text, z.array(text)),
  mechanisms: z.record(text, z.array(z.strictObject({ id: text }))),
  created: text,
  modified: text,
});
export type NotificationPolicy = z.infer<typeof notificationPolicyRow>;
