import { listAccounts, listZones, type Account, type ShownZone } from "../../cloudflare/accounts";
import { isRefusal, type CallResult, type CloudflareApi } from "../../cloudflare/client";
import { readOrganization, teamNameOf } from "../../cloudflare/organization";
import { UserError, type Problem } from "../../fleet/problem";

/** What an API token is shown, as far as it may be known. */
export interface SeenByToken {
  /** By their names; none where the API token may not list them and sees no zone. */
  readonly accounts: readonly Account[];
  readonly zones: readonly ShownZone[];
  /** What could not be looked up, and why. */
  readonly warnings: readonly Problem[];
}

/**
 * Looks at what the API token is shown: its accounts, and their zones. A list that is refused is an empty one: what is typed then
 * counts.
 *
 * @throws UserError when the API cannot be reached, or the API token is not valid.
 */
export async function lookAround(api: CloudflareApi): Promise<SeenByToken> {
  // One after the other: what is wrong with the API token as a whole is said once.
  const zones = await listZones(api);
  if (zones.kind === "failed") {
    throw new UserError(zones.problem);
  }
  const accounts = await listAccounts(api);
  const found = new Map<string, Account>();
  for (const { account } of entriesOf(zones)) {
    if (account !== undefined) {
      found.set(account.id, account);
    }
  }
  const isFailure = accounts.kind === "failed" && ![400, 403, 404].includes(accounts.status ?? 0);
  if (isFailure && found.size === 0) {
    throw new UserError(accounts.problem);
  }
  for (const account of entriesOf(accounts)) {
    found.set(account.id, account);
  }
  return {
    accounts: [...found.values()].sort((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1)),
    zones: [...entriesOf(zones)].sort((a, b) => (a.name < b.name ? -1 : 1)),
    warnings: [
      ...(zones.kind === "forbidden" || zones.value.length === 0 ? [noZones(zones)] : []),
      // The accounts of the zones are known all the same.
      ...(isFailure ? [accounts.problem] : []),
    ],
  };
}

const entriesOf = <T>(listed: CallResult<readonly T[]>): readonly T[] =>
  listed.kind === "answered" ? listed.value : [];

const noZones = (listed: CallResult<unknown>): Problem => ({
  subject: "CLOUDFLARE_API_TOKEN",
  says: `is shown no zone${listed.kind === "forbidden" ? ` (${listed.reason})` : ""}, so that zone and host names were not looked up`,
  todo: 'Give it the permission "Zone" Read for the zone that the host names are to lie in',
});

/** The Zero Trust team of an account; undefined, with the reason, where it could not be told. */
export interface SeenTeam {
  readonly name: string | undefined;
  readonly warnings: readonly Problem[];
}

/**
 * Looks up the team name of an account.
 *
 * @throws UserError when the account has no Zero Trust yet, or Cloudflare cannot be asked.
 */
export async function lookUpTeam(api: CloudflareApi, accountId: string): Promise<SeenTeam> {
  const read = await readOrganization(api, accountId);
  const unknown = (reason: string): SeenTeam => ({
    name: undefined,
    warnings: [
      {
        subject: "sitepass:teamName",
        says: `was not looked up (${reason})`,
        todo: 'Give it with --team, or give the API token the permission "Access: Organizations, Identity Providers, and Groups" Read; without it every `up` needs that',
      },
    ],
  });
  switch (read.kind) {
    case "forbidden":
      return unknown(read.reason);
    case "failed":
      if (read.status === 404 && isRefusal(read.problem)) {
        return unknown(`Cloudflare ${read.problem.says}`);
      }
      // What client.ts says of an account without Zero Trust, which has to be set up by hand.
      throw new UserError(
        read.problem.subject === "sitepass:accountId"
          ? {
              ...read.problem,
              subject: accountId,
              todo: "Set it up once: open https://one.dash.cloudflare.com, choose the account, a team name and a plan (Free will do), and run this again",
            }
          : read.problem,
      );
    case "answered": {
      const name = teamNameOf(read.value?.authDomain ?? "");
      return name.ok
        ? { name: name.value, warnings: [] }
        : unknown("the organization does not say its domain");
    }
  }
}
