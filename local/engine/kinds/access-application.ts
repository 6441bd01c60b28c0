import { z } from "zod";
import { changedProperties, type Properties } from "../properties";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  type: z.literal("self_hosted"),
  name: z.string(),
  domain: z.string(),
  destinations: z.array(z.strictObject({ type: z.literal("public"), uri: z.string() })),
  policies: z.array(z.strictObject({ id: z.string(), precedence: z.number() })),
  sessionDuration: z.string().optional(),
  serviceAuth401Redirect: z.boolean().optional(),
  appLauncherVisible: z.boolean().optional(),
  // Not declared; after an import the provider plans to take them away, and so one update (docs/facts/provider.md, P66).
  autoRedirectToIdentity: z.boolean().optional(),
  enableBindingCookie: z.boolean().optional(),
  optionsPreflightBypass: z.boolean().optional(),
});

const withAudience = z.looseObject({ aud: z.string() });

const existing = z.looseObject({
  type: z.literal("self_hosted"),
  name: z.string(),
  domain: z.string(),
  destinations: z.array(z.looseObject({ type: z.literal("public"), uri: z.string() })),
  // Those that belong to the application alone have no place in the program, which would drop them.
  policies: z.array(z.looseObject({ id: z.string(), precedence: z.number(), reusable: z.literal(true) })),
  session_duration: z.string().optional(),
  service_auth_401_redirect: z.boolean().optional(),
  app_launcher_visible: z.boolean().optional(),
  auto_redirect_to_identity: z.boolean().optional(),
  enable_binding_cookie: z.boolean().optional(),
  options_preflight_bypass: z.boolean().optional(),
});

/** terraform-provider-cloudflare v5, internal/services/zero_trust_access_application/resource.go */
export const accessApplication = defineKind({
  type: "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
  permission: "Access: Apps and Policies Edit",
  replaceOn: ["accountId"],
  inputs,
  scopeOf: ({ accountId }) => accountId,
  importIdForm: "accounts/<account_id>/<app_id>",
  create: (client, application) => client.zeroTrust.access.applications.create(body(application)),
  update: (client, id, application, before) =>
    client.zeroTrust.access.applications.update(id, {
      ...body(application),
      // Computed, and repeated from the state unless what it is computed from changes (schema.go).
      ...(coversTheSame(application, before)
        ? { self_hosted_domains: application.destinations.map(({ uri }) => uri) }
        : {}),
    }),
  get: (client, id, account_id) => client.zeroTrust.access.applications.get(id, { account_id }),
  delete: (client, id, account_id) => client.zeroTrust.access.applications.delete(id, { account_id }),
  inputsOf: (answer, accountId) => {
    const { type, name, domain, destinations, policies, ...settings } = existing.parse(answer);
    return {
      accountId,
      type,
      name,
      domain,
      destinations: destinations.map(({ uri }) => ({ type: "public" as const, uri })),
      policies: policies.map(({ id, precedence }) => ({ id, precedence })),
      sessionDuration: settings.session_duration,
      serviceAuth401Redirect: settings.service_auth_401_redirect,
      appLauncherVisible: settings.app_launcher_visible,
      autoRedirectToIdentity: settings.auto_redirect_to_identity,
      enableBindingCookie: settings.enable_binding_cookie,
      optionsPreflightBypass: settings.options_preflight_bypass,
    };
  },
  outputsOf: (answer) => ({ aud: withAudience.parse(answer).aud }),
});

const coversTheSame = ({ domain, destinations }: z.infer<typeof inputs>, before: Properties): boolean =>
  changedProperties({ domain, destinations }, { domain: before.domain, destinations: before.destinations })
    .length === 0;

function body({
  accountId,
  sessionDuration,
  serviceAuth401Redirect,
  appLauncherVisible,
  autoRedirectToIdentity,
  enableBindingCookie,
  optionsPreflightBypass,
  ...same
}: z.infer<typeof inputs>) {
  return {
    account_id: accountId,
    ...same,
    // The provider's default, which it sends with each application (schema.go).
    http_only_cookie_attribute: true,
    ...(sessionDuration === undefined ? {} : { session_duration: sessionDuration }),
    ...(serviceAuth401Redirect === undefined ? {} : { service_auth_401_redirect: serviceAuth401Redirect }),
    ...(appLauncherVisible === undefined ? {} : { app_launcher_visible: appLauncherVisible }),
    ...(autoRedirectToIdentity === undefined ? {} : { auto_redirect_to_identity: autoRedirectToIdentity }),
    ...(enableBindingCookie === undefined ? {} : { enable_binding_cookie: enableBindingCookie }),
    ...(optionsPreflightBypass === undefined ? {} : { options_preflight_bypass: optionsPreflightBypass }),
  };
}
