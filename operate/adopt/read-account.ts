import { listApplications, withRules, type AccountApplication } from "../../cloudflare/access-applications";
import { listPolicies, readPolicies, type AccountPolicy } from "../../cloudflare/access-policies";
import { answered, unseenProblems, type CallResult, type CloudflareApi } from "../../cloudflare/client";
import { listRecords, readRecords, type ZoneRecord } from "../../cloudflare/dns-records";
import { listTokens, readTokens, type AccountToken } from "../../cloudflare/service-tokens";
import {
  listTunnels,
  readTunnelConfiguration,
  readTunnels,
  type AccountTunnel,
  type TunnelConfiguration,
} from "../../cloudflare/tunnels";
import { findZone, missingZone, readZone, type AccountZone } from "../../cloudflare/zones";
import type { Config } from "../../fleet/config";
import { attempt, distinctProblems, problemsOf, UserError, type Problem } from "../../fleet/problem";

/** What an account has that may belong to a fleet. */
export interface AccountView {
  readonly zone: AccountZone;
  readonly tokens: readonly AccountToken[];
  /** With the rules of their policies, where they are shown anywhere. */
  readonly applications: readonly AccountApplication[];
  /** The reusable ones. */
  readonly policies: readonly AccountPolicy[];
  /** All that live. */
  readonly tunnels: readonly AccountTunnel[];
  /** Of the tunnel that is configured; undefined when there is none, or it was never given any. */
  readonly tunnelConfiguration: TunnelConfiguration | undefined;
  /** Those of the push hosts. */
  readonly records: readonly ZoneRecord[];
  /** Which of the lists Cloudflare shows in part: what is not shown may be lost. */
  readonly unseen?: readonly Problem[];
}

/**
 * Reads everything that adopting needs to know, with some eight calls and changing nothing.
 *
 * @throws UserError with all that could not be read, and the permission that each needs.
 */
export async function readAccount(api: CloudflareApi, config: Config): Promise<AccountView> {
  const { accountId, publish } = config;
  const [listedTokens, listedApplications, listedPolicies] = [
    listTokens(api, accountId),
    listApplications(api, accountId),
    listPolicies(api, accountId),
  ];
  const [zone, tokens, applications, policies, tunnels] = await allOf([
    read(findZone(api, config), "read the zone", readZone).then((found) => found ?? noZone(config)),
    read(listedTokens, "list the service tokens", readTokens),
    read(listedApplications, "list the Access applications", readPolicies),
    read(listedPolicies, "list the Access policies", readPolicies),
    publish.kind === "tunnel"
      ? read(listTunnels(api, accountId), "list the tunnels", readTunnels)
      : Promise.resolve([]),
  ]);
  const tunnel = tunnels.find(({ name }) => publish.kind === "tunnel" && name === publish.name);
  const [tunnelConfiguration, ...records] = await allOf([
    tunnel === undefined || tunnel.configSrc === "local"
      ? Promise.resolve(undefined)
      : read(
          readTunnelConfiguration(api, accountId, tunnel.id),
          "read the tunnel's configuration",
          readTunnels,
        ),
    ...config.endpoints.map(({ hostname }) =>
      read(listRecords(api, zone.id, hostname), "list the zone's DNS records", readRecords),
    ),
  ]);
  return {
    zone,
    tokens,
    applications: withRules(applications, policies),
    policies,
    tunnels,
    tunnelConfiguration,
    records: records.flat(),
    unseen: [
      ...unseenProblems(await listedTokens, "service tokens"),
      ...unseenProblems(await listedApplications, "Access applications"),
      ...unseenProblems(await listedPolicies, "Access policies"),
    ],
  };
}

const read = async <T>(asked: Promise<CallResult<T>>, doing: string, permission: string): Promise<T> =>
  answered(await asked, doing, permission);

function noZone(config: Config): never {
  throw new UserError([missingZone(config)]);
}

/** As `Promise.all`, but what a person can put right is thrown for all of them together. */
async function allOf<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const results = await Promise.all(work.map((one) => attempt(() => one)));
  const problems = results.flatMap(problemsOf);
  if (problems.length > 0) {
    throw new UserError(distinctProblems(problems));
  }
  return Promise.all(work);
}
