import { z } from "zod";

/**
 * The rows of the database. Fields that Cloudflare's answers have keep Cloudflare's names; what only the stand-in knows
 * is in camelCase. They are schemas, because a state file is input like any other.
 */

const text = z.string();
const flag = z.boolean().exactOptional();

export const serviceTokenRow = z.strictObject({
  id: text,
  client_id: text,
  name: text,
  duration: text,
  enabled: z.boolean(),
  created_at: text,
  updated_at: text,
  expires_at: text,
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

export const accessPolicyRow = z.strictObject({
  id: text,
  name: text,
  decision: z.enum(["allow", "deny", "non_identity", "bypass"]),
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
export const applicationSettings = z
  .strictObject({
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
  })
  .exactPartial();

export const accessApplicationRow = z.strictObject({
  id: text,
  /** 64 hex digits, stable for the application's life (cloudflare 7.3.0 applications.d.ts). */
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
  settings: applicationSettings,
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
  settings: z.strictObject({ ipv4_only: flag, ipv6_only: flag, flatten_cname: flag }),
  comment: text.nullable(),
  comment_modified_on: text.nullable(),
  created_on: text,
  modified_on: text,
});
export type DnsRecord = z.infer<typeof dnsRecordRow>;

const zoneStatus = z.enum(["initializing", "pending", "active", "moved"]);

export const zoneRow = z.strictObject({
  id: text,
  name: text,
  created_on: text,
  fight_mode: z.boolean(),
  /** Default active. */
  status: zoneStatus.exactOptional(),
  /** Of another account that the API token may see, whose zones may have the same names; default the database's own. */
  accountId: text.exactOptional(),
});
export type Zone = z.infer<typeof zoneRow>;

const targets = z.array(z.strictObject({ id: text })).exactOptional();
const textList = z.array(text).exactOptional();

/** The alert types that matter here (TF:notification_policy/schema.go) and the filters that fit them; the many others are refused as not imitated. */
export const notificationPolicyRow = z.strictObject({
  id: text,
  name: text,
  description: text.exactOptional(),
  alert_type: z.enum(["expiring_service_token_alert", "tunnel_health_event", "tunnel_update_event"]),
  alert_interval: text.exactOptional(),
  enabled: z.boolean(),
  filters: z
    .strictObject({
      token_id: textList,
      tunnel_id: textList,
      tunnel_name: textList,
      new_status: textList,
      event_type: textList,
    })
    .exactOptional(),
  mechanisms: z.strictObject({ email: targets, pagerduty: targets, webhooks: targets }),
  created: text,
  modified: text,
});
export type NotificationPolicy = z.infer<typeof notificationPolicyRow>;

const setting = text.exactOptional();

/** The fields of a Zero Trust organization that are imitated, by the SDK's types (cloudflare 7.3.0 resources/zero-trust/organizations/organizations.d.ts). */
export const organizationFields = z.strictObject({
  name: setting,
  auth_domain: setting,
  allow_authenticate_via_warp: flag,
  auto_redirect_to_identity: flag,
  deny_unmatched_requests: flag,
  deny_unmatched_requests_exempted_zone_names: z.array(z.string()).exactOptional(),
  is_ui_read_only: flag,
  mfa_required_for_all_apps: flag,
  service_token_inactivity: z
    .strictObject({
      action: z.enum(["disable", "delete"]),
      enabled: z.boolean(),
      inactivity_threshold_days: z.int().min(30).max(365),
    })
    .exactOptional(),
  session_duration: setting,
  strict_service_token_auth: flag,
  ui_read_only_toggle_reason: setting,
  user_seat_expiration_inactive_time: setting,
  warp_auth_non_browser_401: flag,
  warp_auth_session_duration: setting,
});

/** An organization has a name, an auth domain (`<team>.cloudflareaccess.com`), and says whether strict mode is on. */
export const organizationRow = organizationFields.required({
  name: true,
  auth_domain: true,
  strict_service_token_auth: true,
});
export type Organization = z.infer<typeof organizationRow>;

const wholeSeconds = z.int().min(0).exactOptional();

/** `originRequest` by the SDK's types (cloudflare 7.3.0 resources/zero-trust/tunnels/cloudflared/configurations.d.ts). Durations are whole seconds: `"10s"` and `1.5` break cloudflared (seen in 2026.8.2). */
const originRequest = z.strictObject({
  access: z.strictObject({ required: flag, teamName: text, audTag: z.array(text) }).exactOptional(),
  caPool: text.exactOptional(),
  connectTimeout: wholeSeconds,
  disableChunkedEncoding: flag,
  http2Origin: flag,
  httpHostHeader: text.exactOptional(),
  keepAliveConnections: wholeSeconds,
  keepAliveTimeout: wholeSeconds,
  matchSNItoHost: flag,
  noHappyEyeballs: flag,
  noTLSVerify: flag,
  originServerName: text.exactOptional(),
  proxyType: text.exactOptional(),
  tcpKeepAlive: wholeSeconds,
  tlsTimeout: wholeSeconds,
});
export type OriginRequest = z.infer<typeof originRequest>;

const ingressRule = z.strictObject({
  hostname: text.exactOptional(),
  path: text.exactOptional(),
  service: text,
  originRequest: originRequest.exactOptional(),
});
export type IngressRule = z.infer<typeof ingressRule>;

export const tunnelConfig = z.strictObject({
  ingress: z.array(ingressRule).exactOptional(),
  originRequest: originRequest.exactOptional(),
});
export type TunnelConfig = z.infer<typeof tunnelConfig>;

/** One of a connector's connections to the network (in real life it has four). */
const connectionRow = z.strictObject({
  id: text,
  uuid: text,
  client_id: text,
  client_version: text,
  colo_name: text,
  is_pending_reconnect: z.boolean(),
  opened_at: text,
  origin_ip: text,
});

/** One running `cloudflared`. `id` is the client ID. */
const connectorRow = z.strictObject({
  id: text,
  version: text,
  arch: text,
  config_version: z.number(),
  features: z.array(text),
  run_at: text,
  conns: z.array(connectionRow),
});
export type Connector = z.infer<typeof connectorRow>;

export const tunnelRow = z.strictObject({
  id: text,
  name: text,
  config_src: z.enum(["local", "cloudflare"]),
  created_at: text,
  deleted_at: text.nullable(),
  conns_active_at: text.nullable(),
  conns_inactive_at: text.nullable(),
  /** Base64; plain, because `GET .../token` gives it back. */
  tunnelSecret: text,
  connections: z.array(connectorRow),
  /** Version 0 and no document until the first PUT. */
  configuration: z.strictObject({
    version: z.number(),
    created_at: text,
    config: tunnelConfig.nullable(),
  }),
});
export type Tunnel = z.infer<typeof tunnelRow>;
