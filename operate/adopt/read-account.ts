import { answered, type CallResult, type CloudflareApi } from "../../cloudflare/client";
import type { Config } from "../../fleet/config";
import { UserError } from "../../fleet/problem";
import { findZone, readZone, type AccountZone } from "../../cloudflare/zones";
import { listApplications, type AccountApplication } from "../../cloudflare/access-applications";
import { listPolicies, readPolicies, type AccountPolicy } from "../../cloudflare/access-policies";
import { listRecords, readRecords, type ZoneRecord } from "../../cloudflare/dns-records";
import { listTokens, readTokens, type AccountToken } from "../../cloudflare/service-tokens";
import { listTunnels, readTunnels, type AccountTunnel } from "../../cloudflare/tunnels";
import { readIngress, type Ingress } from "./read-ingress";

/** What an account has that may belong to a fleet. */
export interface AccountView {
  readonly zone: AccountZone;
  readonly tokens: readonly AccountToken[];
  readonly applications: readonly AccountApplication[];
  readonly policies: readonly AccountPolicy[];
  /** All that live. */
  readonly tunnels: readonly AccountTunnel[];
  /** Of the tunnel that is configured; undefined when there is none, or it was never given any. */
  readonly ingress: Ingress | undefined;
  /** Those of the push hosts. */
  readonly records: readonly ZoneRecord[];
}

/**
 * Reads everything that adopting needs to know, with some eight calls and changing nothing.
 *
 * @throws UserError with all that could not be read, and the permission that each needs.
 */
export async function readAccount(api: CloudflareApi, config: Config): Promise<AccountView> {
  const { accountId, publish } = config;
  const [zone, tokens, applications, policies, tunnels] = await together([
    findZone(api, config.zone).then(
      (found) => answered(found, "read the zone", readZone) ?? missingZone(config),
    ),
    listTokens(api, accountId).then(of("list the service tokens", readTokens)),
    listApplications(api, accountId).then(of("list the Access applications", readPolicies)),
    listPolicies(api, accountId).then(of("list the Access policies", readPolicies)),
    publish.kind === "tunnel"
      ? listTunnels(api, accountId).then(of("list the tunnels", readTunnels))
      : Promise.resolve([]),
  ]);
  const tunnel = tunnels.find(({ name }) => publish.kind === "tunnel" && name === publish.name);
  const [ingress, ...records] = await together([
    tunnel === undefined || tunnel.configSrc === "local"
      ? Promise.resolve(undefined)
      : readIngress(api, accountId, tunnel.id).then(of("read the tunnel's configuration", readTunnels)),
    ...config.endpoints.map(({ hostname }) =>
      listRecords(api, zone.id, hostname).then(of("list the zone's DNS records", readRecords)),
    ),
  ]);
  return { zone, tokens, applications, policies, tunnels, ingress, records: records.flat() };
}

const of =
  (doing: string, permission: string) =>
  <T>(result: CallResult<T>): T =>
    answered(result, doing, permission);

function missingZone(config: Config): never {
  const wanted = "id" in config.zone ? config.zone.id : config.zone.name;
  throw new UserError([
    `sitepass:zone: is "${wanted}", and Cloudflare shows the API token no such zone. Check the spelling, that the zone is in the account, and that the token has the permission "${readZone}" for it.`,
  ]);
}

/** As `Promise.all`, but with everything that a person can mend from all of them. */
async function together<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const settled: readonly PromiseSettledResult<unknown>[] = await Promise.allSettled(work);
  const errors = settled.flatMap((one): readonly unknown[] =>
    one.status === "rejected" ? [one.reason] : [],
  );
  const mendable = errors.filter((error) => error instanceof UserError);
  if (mendable.length > 0 && mendable.length === errors.length) {
    throw new UserError([...new Set(mendable.flatMap(({ problems }) => problems))]);
  }
  // Rejects with the first of the others, if there are any.
  return Promise.all(work);
}
