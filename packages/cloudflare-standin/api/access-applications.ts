import { randomBytes, randomUUID } from "node:crypto";
import type { ApplicationGetResponse } from "cloudflare/resources/zero-trust/access/applications/applications";
import { z } from "zod";
import { goDurationMilliseconds } from "../go-duration";
import { ruleCount, shownPolicy } from "./access-policies";
import type { Database } from "./database";
import {
  accessNotFound,
  accessQuota,
  apiError,
  badRequest,
  invalidRequest,
  pageOf,
  pagination,
  refuse,
  type Answered,
} from "./envelope";
import { noInput, route, type Backend, type Route } from "./route";
import { applicationSettings, type AccessApplication } from "./rows";

/**
 * The body of create and update: what the provider can send for a self-hosted application (TF:zero_trust_access_application/
 * model.go) and cloudflare 7.3.0 applications.d.ts, less the objects nobody here needs (cors_headers, scim_config,
 * mfa_config, oauth_configuration, ...), which are refused as unknown. Defaults are those of the provider and of its docs
 * (TF:zero_trust_access_application/schema.go); that a missing name becomes the domain is a gap.
 */
const applicationBody = z.strictObject({
  ...applicationSettings.shape,
  type: z.string(),
  name: z.string().min(1).max(350).exactOptional(),
  domain: z.string().optional(),
  destinations: z.array(z.looseObject({ type: z.string().default("public") })).optional(),
  self_hosted_domains: z.array(z.string()).optional(),
  policies: z.array(z.unknown()).default([]),
  session_duration: z.string().default("24h"),
  app_launcher_visible: z.boolean().default(true),
  http_only_cookie_attribute: z.boolean().default(true),
  service_auth_401_redirect: z.boolean().default(false),
});
type ApplicationBody = z.output<typeof applicationBody>;

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

/** Self-hosted Access applications (cloudflare 7.3.0 applications.d.ts). A PUT carries the whole application; there is no PATCH. */
export const accessApplicationRoutes: readonly Route[] = [
  route("POST", collection, write, { ...noInput, body: applicationBody }, ({ body, ...backend }) => {
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
  }),
  // Without `exact`, name and domain match in part (cloudflare 7.3.0 applications.d.ts ApplicationListParams).
  route("GET", collection, read, { ...noInput, query: listQuery }, ({ database, query }) => {
    const { name, domain, aud, exact, ...page } = query;
    const matches = (value: string, wanted: string | undefined): boolean =>
      wanted === undefined || (exact === "true" ? value === wanted : value.includes(wanted));
    const applications = [...database.applications.values()].filter(
      (application) =>
        matches(application.name, name) &&
        matches(application.domain, domain) &&
        (aud === undefined || application.aud === aud),
    );
    return pageOf(applications, page, (application) => shown(application, database));
  }),
  route("GET", item, read, noInput, ({ database, id }) => ({
    result: shown(find(database, id), database),
  })),
  route("PUT", item, write, { ...noInput, body: applicationBody }, ({ id, body, ...backend }) => {
    const { database, now } = backend;
    const { aud, created_at } = find(database, id);
    const updated_at = now().toISOString();
    const application = { id, aud, ...checked(body, id, backend), created_at, updated_at };
    database.applications.set(id, application);
    return { result: shown(application, database) };
  }),
  // 202 by the OpenAPI document (cloudflare/api-schemas, access-applications-delete-an-access-application).
  route("DELETE", item, write, noInput, ({ database, id }) => {
    find(database, id);
    database.applications.delete(id);
    return { status: 202, result: { id } };
  }),
];

/** The SDK's answer, with its deprecated list of domains, and with what it does not have: two times, and a setting that the provider sends. */
type ApplicationAnswer = Answered<Omit<ApplicationGetResponse.SelfHostedApplication, "self_hosted_domains">> &
  Pick<AccessApplication, "created_at" | "updated_at"> &
  Pick<AccessApplication["settings"], "skip_app_launcher_login_page"> & {
    readonly self_hosted_domains: readonly string[];
  };

/** With its policies in full, in order of precedence, as the provider expects to fold back into IDs (TF:zero_trust_access_application/normalizations.go). */
function shown(
  { settings, policies, ...application }: AccessApplication,
  database: Database,
): ApplicationAnswer {
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
  return database.applications.get(id) ?? refuse(accessNotFound("application"));
}

/**
 * What a body makes of an application. `service_auth_401_redirect` is refused without a Service Auth policy (TF#2306, where
 * policies could only be attached afterwards; code and text are a gap).
 */
function checked(
  body: ApplicationBody,
  ownId: string | undefined,
  backend: Backend,
): Omit<AccessApplication, "id" | "aud" | "created_at" | "updated_at"> {
  const {
    type,
    name,
    domain: wantedDomain,
    destinations: wantedDestinations,
    self_hosted_domains,
    policies: wantedPolicies,
    session_duration,
    app_launcher_visible,
    http_only_cookie_attribute,
    service_auth_401_redirect,
    ...settings
  } = body;
  if (type !== "self_hosted") {
    throw badRequest([`type "${type}" is not imitated, only "self_hosted" is`]);
  }
  if (goDurationMilliseconds(session_duration) === undefined) {
    throw invalidRequest(`invalid session_duration '${session_duration}'`);
  }
  const policies = checkedPolicies(wantedPolicies, backend);
  const decisions = policies.map(({ id }) => backend.database.policies.get(id)?.decision);
  if (service_auth_401_redirect && !decisions.includes("non_identity")) {
    throw invalidRequest("service_auth_401_redirect needs a policy with the decision non_identity");
  }
  const { domain, destinations } = checkedDestinations(
    { domain: wantedDomain, destinations: wantedDestinations, self_hosted_domains },
    ownId,
    backend,
  );
  return {
    name: name ?? domain,
    type,
    domain,
    destinations,
    policies,
    session_duration,
    app_launcher_visible,
    http_only_cookie_attribute,
    service_auth_401_redirect,
    settings,
  };
}

const attachedPolicy = z.strictObject({ id: z.string(), precedence: z.int().exactOptional() });

/**
 * The reusable policies of an application, by precedence. An item is an ID or `{ id, precedence }`; a missing precedence is
 * its place in the list, from 1 (TF:zero_trust_access_application/normalizations.go). A list left out means none: a PUT
 * without it detaches all.
 *
 * Throws 12130 on a precedence below 1 or used twice ("policy precedences must be unique" in public logs), on an unknown
 * policy and on more rules than the limit (wordings are a gap), and 400 on an inline policy, which is not imitated.
 */
function checkedPolicies(
  items: readonly unknown[],
  { database, limits }: Backend,
): AccessApplication["policies"] {
  const policies = items.map((item, index) => {
    const parsed = attachedPolicy.safeParse(typeof item === "string" ? { id: item } : item);
    if (!parsed.success) {
      throw badRequest([
        `policies[${index}]: only an ID or { id, precedence } of a reusable policy is imitated`,
      ]);
    }
    const { id, precedence = index + 1 } = parsed.data;
    if (!database.policies.has(id)) {
      throw invalidRequest(`policy '${id}' does not exist`);
    }
    if (precedence < 1) {
      throw invalidRequest("policy precedences must be at least 1");
    }
    return { id, precedence };
  });
  if (new Set(policies.map(({ precedence }) => precedence)).size !== policies.length) {
    throw invalidRequest("policy precedences must be unique");
  }
  if (new Set(policies.map(({ id }) => id)).size !== policies.length) {
    throw invalidRequest("policies must be unique");
  }
  if (ruleCount(policies.map(({ id }) => database.policies.get(id))) > limits.rulesPerApplication) {
    throw accessQuota("rules per application");
  }
  return policies.sort((one, other) => one.precedence - other.precedence);
}

const publicDestination = z.strictObject({ type: z.literal("public"), uri: z.string() });

/**
 * What an application covers (D:docs/cloudflare-one/access-controls/policies/app-paths.mdx). `destinations` come first;
 * `self_hosted_domains`, deprecated, is what the provider repeats from an answer and must then name the same; else the
 * `domain` is the one destination. The domain defaults to the first destination and has to be one of them [gap].
 *
 * Throws 12130 on a malformed or missing domain or one outside the account's zones (code and text are a gap), 11010 when
 * another application has a destination (ChrispyBacon-dev/DockFlare#217), 400 on kinds of destination that are not imitated.
 */
function checkedDestinations(
  body: Pick<ApplicationBody, "domain" | "destinations" | "self_hosted_domains">,
  ownId: string | undefined,
  { database, limits }: Backend,
): Pick<AccessApplication, "domain" | "destinations"> {
  const listed = body.destinations?.map((destination) => {
    const parsed = publicDestination.safeParse(destination);
    const refusal = `destination ${JSON.stringify(destination)}: only { type: "public", uri } is imitated`;
    return parsed.success ? parsed.data.uri : refuse(badRequest([refusal]));
  });
  const { self_hosted_domains: legacy } = body;
  const uris = listed ?? legacy ?? (body.domain === undefined ? [] : [body.domain]);
  const domain = body.domain ?? uris[0];
  if (uris.length === 0 || domain === undefined) {
    throw invalidRequest("a self_hosted application needs a domain or a public destination");
  }
  for (const uri of uris) {
    checkUri(uri, database);
  }
  if (uris.length > limits.destinationsPerApplication) {
    throw accessQuota("destinations per application");
  }
  if (!uris.includes(domain)) {
    throw invalidRequest(`domain '${domain}' is not one of the destinations`);
  }
  if (legacy !== undefined && (legacy.length !== uris.length || !legacy.every((uri) => uris.includes(uri)))) {
    throw invalidRequest("self_hosted_domains and destinations differ");
  }
  checkUnused(uris, ownId, database);
  return { domain, destinations: uris.map((uri) => ({ type: "public", uri })) };
}

/** Host and optional path, no scheme, port or query (app-paths.mdx). A leading `*.` is the only wildcard host here; a label has at most 63 characters (account-limits page). */
function checkUri(uri: string, database: Database): void {
  const [, host] =
    /^((?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})(?:\/[^\s?#]*)?$/.exec(uri) ?? [];
  if (host === undefined) {
    throw invalidRequest(`invalid domain '${uri}'`);
  }
  const zones = [...database.zones.values()];
  if (!zones.some(({ name }) => host === name || host.endsWith(`.${name}`))) {
    throw invalidRequest(`domain '${uri}' does not belong to a zone of the account`);
  }
}

/** `host/` and `host` are the same place. */
function checkUnused(uris: readonly string[], ownId: string | undefined, database: Database): void {
  const withoutSlash = (uri: string): string => uri.replace(/\/+$/, "");
  const wanted = new Set(uris.map(withoutSlash));
  if (wanted.size !== uris.length) {
    throw invalidRequest("destinations must be unique");
  }
  for (const { id, destinations } of database.applications.values()) {
    if (id !== ownId && destinations.some(({ uri }) => wanted.has(withoutSlash(uri)))) {
      throw apiError(409, 11010, "access.api.error.application_already_exists");
    }
  }
}
