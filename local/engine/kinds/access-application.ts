import { z } from "zod";
import { importIdParts } from "../import-id";
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
});

const answer = z.looseObject({ id: z.string(), aud: z.string() });

const imported = answer.extend({
  type: z.literal("self_hosted"),
  name: z.string(),
  domain: z.string(),
  destinations: z.array(z.looseObject({ type: z.literal("public"), uri: z.string() })),
  // Those that belong to the application alone have no place in the program, which would drop them.
  policies: z.array(z.looseObject({ id: z.string(), precedence: z.number(), reusable: z.literal(true) })),
  session_duration: z.string().optional(),
  service_auth_401_redirect: z.boolean().optional(),
  app_launcher_visible: z.boolean().optional(),
});

function body(application: z.infer<typeof inputs>) {
  return {
    account_id: application.accountId,
    type: application.type,
    name: application.name,
    domain: application.domain,
    destinations: application.destinations,
    policies: application.policies,
    ...(application.sessionDuration === undefined ? {} : { session_duration: application.sessionDuration }),
    ...(application.serviceAuth401Redirect === undefined
      ? {}
      : { service_auth_401_redirect: application.serviceAuth401Redirect }),
    ...(application.appLauncherVisible === undefined
      ? {}
      : { app_launcher_visible: application.appLauncherVisible }),
  };
}

/** terraform-provider-cloudflare v5, internal/services/zero_trust_access_application/resource.go */
export const accessApplication = defineKind({
  type: "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
  permission: "Access: Apps and Policies Edit",
  replaceOn: ["accountId"],
  inputs,
  async create(client, application) {
    const { id, aud } = answer.parse(await client.zeroTrust.access.applications.create(body(application)));
    return { id, outputs: { aud } };
  },
  async import(client, importId) {
    const [accountId, applicationId] = importIdParts(importId, "accounts/<account_id>/<app_id>");
    const application = imported.parse(
      await client.zeroTrust.access.applications.get(applicationId, { account_id: accountId }),
    );
    const { id, aud, type, name, domain, destinations, policies } = application;
    return {
      id,
      inputs: {
        accountId,
        type,
        name,
        domain,
        destinations: destinations.map(({ uri }) => ({ type: "public" as const, uri })),
        policies: policies.map((policy) => ({ id: policy.id, precedence: policy.precedence })),
        sessionDuration: application.session_duration,
        serviceAuth401Redirect: application.service_auth_401_redirect,
        appLauncherVisible: application.app_launcher_visible,
      },
      outputs: { aud },
    };
  },
  async update(client, id, application) {
    const { aud } = answer.parse(await client.zeroTrust.access.applications.update(id, body(application)));
    return { aud };
  },
  async read(client, id, application) {
    const { aud } = answer.parse(
      await client.zeroTrust.access.applications.get(id, { account_id: application.accountId }),
    );
    return { aud };
  },
  async delete(client, id, application) {
    await client.zeroTrust.access.applications.delete(id, { account_id: application.accountId });
  },
});
