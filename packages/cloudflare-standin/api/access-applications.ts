import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import { parseGoDuration } from "../../../fleet/duration";
import { shownPolicy } from "./access-policies";
import { checkedDestinations, destinationFields } from "./application-destinations";
import { checkedLinks } from "./application-policies";
import type { Database } from "./database";
import { pageOf, pagination } from "./envelope";
import { accessNotFound, accessQuota, badRequest, invalidRequest } from "./errors";
import { noBody, noQuery, route, type Backend, type Route } from "./route";
import { applicationSettings, type AccessApplication } from "./rows";

/**
 * The body of create and update: what the provider can send for a self-hosted application (TF:zero_trust_access_application/
 * model.go) and cloudflare 7.3.0 applications.d.ts, less the objects nobody here needs (cors_headers, scim_config,
 * mfa_config, oauth_configuration, ...), which are refused as unknown. Defaults are the provider's and the docs'
 * (facts/pulumi.md §5); that a missing name becomes the domain is a gap. `service_auth_401_redirect` is refused without a
 * Service Auth policy (TF#2306, where policies could only be attached afterwards; code and text are a gap).
 */
const applicationBody = z.strictObject({
  ...destinationFields,
  ...z.strictObject(applicationSettings).partial().shape,
  type: z.string(),
  name: z.string().min(1).max(350).exactOptional(),
  policies: z.array(z.unknown()).exactOptional(),
  session_duration: z.string().default("24h"),
  app_launcher_visible: z.boolean().default(true),
  http_only_cookie_attribute: z.boolean().default(true),
  service_auth_401_redirect: z.boolean().default(false),
});

const listQuery = z.strictObject({
  ...pagination,
  name: z.string().exactOptional(),
  domain: z.string().exactOptional(),
  aud: z.string().exactOptional(),
  exact: z.enum(["true", "false"]).default("false"),
});

const collection = "/accounts/:account/access/apps";
const item = `${collection}/:id`;
const read = "Access: Apps and Policies Read";
const write = "Access: Apps and Policies Write";

/** Self-hosted Access applications (facts/cloudflare.md §5). A PUT carries the whole application; there is no PATCH. */
export const accessApplicationRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: collection,
    permission: write,
    query: noQuery,
    body: applicationBody,
    handle: ({ body, ...backend }) => {
      const { database, limits, now } = backend;
      if (database.applications.size >= limits.applications) {
        throw accessQuota("applications");
      }
      const created_at = now().toISOString();
      const application = {
        id: randomUUID(),
        aud: randomBytes(32).toString("hex"),
        ...checked(body, undefined, backend),
        created_at,
        updated_at: created_at,
      };
      database.applications.set(application.id, application);
      return { status: 201, result: shown(application, database) };
    },
  }),
  route({
    method: "GET",
    path: collection,
    permission: read,
    query: listQuery,
    body: noBody,
    // Without `exact`, name and domain match in part (cloudflare 7.3.0 applications.d.ts ApplicationListParams).
    handle: ({ database, query: { name, domain, aud, exact, ...page } }) => {
      const matches = (value: string, wanted: string | undefined): boolean =>
        wanted === undefined || (exact === "true" ? value === wanted : value.includes(wanted));
      const applications = [...database.applications.values()].filter(
        (application) =>
          matches(application.name, name) &&
          matches(application.domain, domain) &&
          (aud === undefined || application.aud === aud),
      );
      return pageOf(applications, page, (application) => shown(application, database));
    },
  }),
  route({
    method: "GET",
    path: item,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => ({ result: shown(find(database, id), database) }),
  }),
  route({
    method: "PUT",
    path: item,
    permission: write,
    query: noQuery,
    body: applicationBody,
    handle: ({ id, body, ...backend }) => {
      const { database, now } = backend;
      const { aud, created_at } = find(database, id);
      const updated_at = now().toISOString();
      const application = { id, aud, ...checked(body, id, backend), created_at, updated_at };
      database.applications.set(id, application);
      return { result: shown(application, database) };
    },
  }),
  route({
    method: "DELETE",
    path: item,
    permission: write,
    query: noQuery,
    body: noBody,
    // 202 by the OpenAPI document (cloudflare/api-schemas, access-applications-delete-an-access-application).
    handle: ({ database, id }) => {
      find(database, id);
      database.applications.delete(id);
      return { status: 202, result: { id } };
    },
  }),
];

function checked(
  body: z.output<typeof applicationBody>,
  ownId: string | undefined,
  { database, limits }: Backend,
): Omit<AccessApplication, "id" | "aud" | "created_at" | "updated_at"> {
  const {
    type,
    name,
    domain: wantedDomain,
    destinations: wantedDestinations,
    self_hosted_domains,
    policies,
    session_duration,
    app_launcher_visible,
    http_only_cookie_attribute,
    service_auth_401_redirect,
    ...settings
  } = body;
  if (type !== "self_hosted") {
    throw badRequest([`type "${type}" is not imitated, only "self_hosted" is`]);
  }
  if (parseGoDuration(session_duration) === undefined) {
    throw invalidRequest(`invalid session_duration '${session_duration}'`);
  }
  const links = checkedLinks(policies, database, limits);
  if (
    service_auth_401_redirect &&
    !links.some(({ id }) => database.policies.get(id)?.decision === "non_identity")
  ) {
    throw invalidRequest("service_auth_401_redirect needs a policy with the decision non_identity");
  }
  const covered = { domain: wantedDomain, destinations: wantedDestinations, self_hosted_domains };
  const { domain, destinations } = checkedDestinations(covered, ownId, database, limits);
  return {
    name: name ?? domain,
    type,
    domain,
    destinations,
    policies: links,
    session_duration,
    app_launcher_visible,
    http_only_cookie_attribute,
    service_auth_401_redirect,
    settings,
  };
}

/** An application as answers show it: with its policies in full, in order of precedence, as the provider expects to fold back into IDs (TF:zero_trust_access_application/normalizations.go). */
function shown({ settings, policies, ...application }: AccessApplication, database: Database): object {
  return {
    ...application,
    self_hosted_domains: application.destinations.map(({ uri }) => uri),
    allowed_idps: [],
    auto_redirect_to_identity: false,
    enable_binding_cookie: false,
    options_preflight_bypass: false,
    tags: [],
    ...settings,
    policies: policies.flatMap(({ id, precedence }) => {
      const policy = database.policies.get(id);
      return policy === undefined ? [] : [{ ...shownPolicy(policy), precedence }];
    }),
  };
}

function find(database: Database, id: string): AccessApplication {
  const application = database.applications.get(id);
  if (application === undefined) {
    throw accessNotFound("application");
  }
  return application;
}
