import { APIConnectionError, APIError, Cloudflare, type ClientOptions } from "cloudflare";
import { z } from "zod";
import { findApiCredentials, missingTokenProblem } from "../../cloudflare/api-credentials";
import { deepestMessage, noOtherCredentials } from "../../cloudflare/client";
import { UserError } from "../../fleet/problem";
import type { ResourceState } from "../../stack/state-file-reader";
import { requireLoopback } from "./loopback";
import { accessApplication } from "./kinds/access-application";
import { accessPolicy } from "./kinds/access-policy";
import { dnsRecord } from "./kinds/dns-record";
import { notificationPolicy } from "./kinds/notification-policy";
import { serviceToken } from "./kinds/service-token";
import { tunnel, tunnelConfiguration } from "./kinds/tunnel";
import type { Properties } from "./properties";
import type { ResourceKind } from "./resource-kind";
import { shortName } from "./state";

const kinds = [
  accessApplication,
  accessPolicy,
  dnsRecord,
  notificationPolicy,
  serviceToken,
  tunnel,
  tunnelConfiguration,
];

/** @throws Error for a type that the engine does not know: it never passes over a resource in silence. */
export function kindOf(type: string): ResourceKind {
  const kind = kinds.find((one) => one.type === type);
  if (kind === undefined) {
    throw new Error(`local/engine does not know the resource type ${type}; add it to local/engine/kinds/`);
  }
  return kind;
}

/**
 * Opens the stand-in's API with the settings that the provider reads.
 *
 * @param values the stack's configuration, full keys.
 * @throws UserError when there is no API token, or the address is not one of this machine.
 */
export function openStandIn(
  values: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
  options: ClientOptions = {},
): Cloudflare {
  const credentials = findApiCredentials(values, environment);
  const baseURL = requireLoopback(values["cloudflare:baseUrl"] ?? environment.CLOUDFLARE_BASE_URL);
  if (credentials === undefined) {
    throw new UserError([missingTokenProblem]);
  }
  return new Cloudflare({ ...options, ...noOtherCredentials, apiToken: credentials.apiToken, baseURL });
}

/** Runs one of the provider's look-ups. */
export async function runInvoke(client: Cloudflare, token: string, args: Properties): Promise<Properties> {
  const invoke = invokes[token];
  if (invoke === undefined) {
    throw new Error(`local/engine does not know the function ${token}; add it to local/engine/provider.ts`);
  }
  return invoke(client, args);
}

const zoneArgs = z.strictObject({ zoneId: z.string() });
const zonesArgs = z.strictObject({ name: z.string() });
const accountArgs = z.strictObject({ accountId: z.string() });
const tunnelTokenArgs = z.strictObject({ accountId: z.string(), tunnelId: z.string() });
/** What is used of a zone; the SDK's types promise more than every server answers. */
const shownZone = z.object({
  id: z.string(),
  name: z.string(),
  account: z.object({ id: z.string().optional(), name: z.string().optional() }).nullish(),
  status: z.string().optional(),
  paused: z.boolean().optional(),
});

/** The look-ups that the program uses, with the provider's calls (terraform-provider-cloudflare v5, data_source.go of each). */
const invokes: Readonly<Record<string, (client: Cloudflare, args: Properties) => Promise<Properties>>> = {
  "cloudflare:index/getZone:getZone": async (client, raw) => {
    const { zoneId } = zoneArgs.parse(raw);
    return { ...shownZone.parse(await client.zones.get({ zone_id: zoneId })), zoneId };
  },
  // The pages are asked for until one is empty, by the provider as by the SDK.
  "cloudflare:index/getZones:getZones": async (client, raw) => {
    const args = zonesArgs.parse(raw);
    const results: Properties[] = [];
    for await (const zone of client.zones.list(args)) {
      results.push(shownZone.parse(zone));
    }
    return { ...args, results };
  },
  "cloudflare:index/getZeroTrustOrganization:getZeroTrustOrganization": async (client, raw) => {
    const { accountId } = accountArgs.parse(raw);
    const { auth_domain: authDomain, name } = await client.zeroTrust.organizations.list({
      account_id: accountId,
    });
    return { accountId, authDomain: authDomain ?? "", name: name ?? "" };
  },
  "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken": async (
    client,
    raw,
  ) => {
    const { accountId, tunnelId } = tunnelTokenArgs.parse(raw);
    const token = await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id: accountId });
    return { accountId, tunnelId, token };
  },
};

/** What went wrong with a resource, for people: the resource, Cloudflare's code and words, and what to do. */
export function describeFailure(resource: Pick<ResourceState, "type" | "name">, error: unknown): string {
  const subject = shortName(resource);
  if (error instanceof APIConnectionError) {
    return `${subject}: Cloudflare's API did not answer (${deepestMessage(error)}). Check CLOUDFLARE_BASE_URL, and run the same command again: what was done is kept.`;
  }
  if (error instanceof APIError) {
    const said = error.errors
      .map(({ code, message }) => `${String(code)} ${String(message).replace(/\.$/, "")}`)
      .join("; ");
    return `${subject}: Cloudflare answered HTTP ${String(error.status)}${said === "" ? "" : `, ${said}`}. ${advice(resource.type, Number(error.status))}`;
  }
  return `${subject}: ${error instanceof Error ? error.message : String(error)}`;
}

function advice(type: string, status: number): string {
  switch (status) {
    case 401:
      return "Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.";
    case 403:
      return `Give the API token the permission "${kindOf(type).permission}".`;
    case 404:
      return "It was deleted outside of this stack: run `refresh`, then `up`.";
    case 429:
      return "Wait five minutes and run the same command again: what was done is kept.";
    default:
      return "Fix that and run the same command again: what was done is kept.";
  }
}
