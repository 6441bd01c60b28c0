import { z } from "zod";
import type { Database } from "./database";
import { applicationExists, accessQuota, badRequest, invalidRequest } from "./errors";
import type { Limits } from "./limits";
import type { AccessApplication } from "./rows";

/** The fields of an application's body that say what it covers. */
export const destinationFields = {
  domain: z.string().optional(),
  destinations: z.array(z.looseObject({ type: z.string().default("public") })).optional(),
  self_hosted_domains: z.array(z.string()).optional(),
};
type DestinationFields = z.output<z.ZodObject<typeof destinationFields>>;

const publicDestination = z.strictObject({ type: z.literal("public"), uri: z.string() });

/**
 * What an application covers (facts/cloudflare.md §5). `destinations` come first; `self_hosted_domains`, deprecated, is
 * what the provider repeats from an answer and must then name the same; else the `domain` is the one destination. The
 * domain defaults to the first destination and has to be one of them [gap].
 *
 * Throws 12130 on a malformed or missing domain or one outside the account's zones (code and text are a gap), 11010 when
 * another application has a destination (DockFlare#217), 400 on kinds of destination that are not imitated.
 */
export function checkedDestinations(
  body: DestinationFields,
  ownId: string | undefined,
  database: Database,
  limits: Limits,
): Pick<AccessApplication, "domain" | "destinations"> {
  const listed = body.destinations?.map(publicUri);
  const uris = listed ?? body.self_hosted_domains ?? (body.domain === undefined ? [] : [body.domain]);
  const [first] = uris;
  const domain = body.domain ?? first;
  if (first === undefined || domain === undefined) {
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
  const { self_hosted_domains: legacy } = body;
  if (legacy !== undefined && (legacy.length !== uris.length || !legacy.every((uri) => uris.includes(uri)))) {
    throw invalidRequest("self_hosted_domains and destinations differ");
  }
  checkUnused(uris, ownId, database);
  return { domain, destinations: uris.map((uri) => ({ type: "public", uri })) };
}

function publicUri(destination: Record<string, unknown>): string {
  const parsed = publicDestination.safeParse(destination);
  if (!parsed.success) {
    throw badRequest([
      `destination ${JSON.stringify(destination)}: only { type: "public", uri } is imitated`,
    ]);
  }
  return parsed.data.uri;
}

/** Host and optional path, no scheme, port or query. A leading `*.` is the only wildcard host here; a label has at most 63 characters (facts/cloudflare.md §6). */
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

function checkUnused(uris: readonly string[], ownId: string | undefined, database: Database): void {
  const wanted = new Set(uris.map(withoutSlash));
  if (wanted.size !== uris.length) {
    throw invalidRequest("destinations must be unique");
  }
  for (const { id, destinations } of database.applications.values()) {
    if (id !== ownId && destinations.some(({ uri }) => wanted.has(withoutSlash(uri)))) {
      throw applicationExists();
    }
  }
}

/** `host/` and `host` are the same place. */
function withoutSlash(uri: string): string {
  return uri.replace(/\/+$/, "");
}
