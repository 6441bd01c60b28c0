import type { Problem } from "../../fleet/problem";
import { plural } from "../../fleet/wording";
import { freeRemovals } from "../../provision/preflight";
import type { StackRoom, RoomSite } from "./account-room";

/** One site that is to go to another shard. */
export interface SplitMove {
  readonly site: RoomSite;
  readonly from: string;
  readonly to: string;
  /**
   * "move": it has a token, and is in both shards until its collector has the other credentials. "place": it has none yet, so
   * that its file can say the other shard at once.
   */
  readonly kind: "move" | "place";
}

export interface SplitPlan {
  /** In the order of names. */
  readonly moves: readonly SplitMove[];
  /** By account: what is left of its limit when all moves have ended, those that are under way included. */
  readonly roomAfter: ReadonlyMap<string, number>;
  /** Accounts that stay below the reserve, since nothing there can go elsewhere. */
  readonly short: readonly { readonly accountId: string; readonly missing: number }[];
}

/**
 * Plans which sites go to which shard, so that each account keeps a reserve: the fewest that can, since each move is work at a
 * site. Each gives one token's room to its account; sites that are moving away already count as gone.
 *
 * Sites without a token go first, for their collectors have no credentials yet; then those that are shut out; then by name. They go
 * where what they push has an endpoint, and where there is most room.
 *
 * @param reserve how many more tokens each account is to have room for.
 */
export function planSplit(stacks: readonly StackRoom[], reserve: number): SplitPlan {
  const shards = shardsOf(stacks);
  const room = roomOfAccounts(stacks);
  const moves: SplitMove[] = [];
  const short = new Map<string, number>();
  const roomOf = (account: string): number => room.get(account) ?? 0;
  for (const account of [...room.keys()].sort()) {
    while (roomOf(account) < reserve) {
      const move = nextMove(shards, account, { roomOf, reserve, moves });
      if (move === undefined) {
        short.set(account, reserve - roomOf(account));
        break;
      }
      moves.push(move);
      for (const one of shards.get(move.from)?.accounts ?? []) {
        room.set(one, roomOf(one) + 1);
      }
      for (const one of shards.get(move.to)?.accounts ?? []) {
        room.set(one, roomOf(one) - 1);
      }
    }
  }
  return {
    moves: moves.sort((a, b) => byName(a.site, b.site)),
    roomAfter: room,
    short: [...short].map(([accountId, missing]) => ({ accountId, missing })),
  };
}

/** Where a stack loses more sites by a plan than the brake on removals lets go in one `up`. */
export function brakeWarnings(stacks: readonly StackRoom[], moves: readonly SplitMove[]): readonly Problem[] {
  return stacks.flatMap(({ stackName, shard, sites, allowRemovals }) => {
    const held = sites.filter(({ hasToken }) => hasToken).length;
    const leaving = moves.filter(({ from, kind }) => from === shard && kind === "move").length;
    const free = freeRemovals(held);
    if (leaving <= free + allowRemovals) {
      return [];
    }
    const allow = `sitepass:allowRemovals to ${leaving - free}`;
    return {
      subject: `stack ${stackName}`,
      says: `loses ${leaving} of its ${plural(held, "site")} by this plan, and one \`up\` of it takes away ${free + allowRemovals} at most`,
      todo:
        leaving === held
          ? `Set its ${allow} for the \`up\` after the last of them is moved: the last site never goes by itself`
          : `End the moves in parts (\`npx sitepass move SITE --finish\`), with an \`up\` after each, or set its ${allow} for one`,
    };
  });
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** All stacks of one shard declare the same sites. */
interface Shard {
  readonly name: string;
  readonly accounts: ReadonlySet<string>;
  /** What all of its stacks have an endpoint for. */
  readonly signals: ReadonlySet<string>;
  /** Those that are in it, and not moving to it or away. */
  readonly sites: readonly RoomSite[];
}

function shardsOf(stacks: readonly StackRoom[]): ReadonlyMap<string, Shard> {
  const names = [...new Set(stacks.map(({ shard }) => shard))].sort();
  return new Map(
    names.map((name) => {
      const its = stacks.filter(({ shard }) => shard === name);
      const sites = new Map(
        its.flatMap((stack) =>
          stack.sites
            .filter(({ shard, movingTo }) => shard === name && movingTo === undefined)
            .map((site) => [site.name, mergedSite(site.name, its)]),
        ),
      );
      return [
        name,
        {
          name,
          accounts: new Set(its.map(({ accountId }) => accountId)),
          signals: new Set(
            its
              .flatMap(({ signals }) => signals)
              .filter((one) => its.every((stack) => stack.signals.includes(one))),
          ),
          sites: [...sites.values()].flatMap((site) => site ?? []).sort(inOrderOfMoving),
        },
      ] as const;
    }),
  );
}

/** What has a token in one stack of its shard has credentials at the site. */
function mergedSite(name: string, stacks: readonly StackRoom[]): RoomSite | undefined {
  const all = stacks.flatMap(({ sites }) => sites.filter((site) => site.name === name));
  const [first] = all;
  return first === undefined
    ? undefined
    : {
        ...first,
        signals: [...new Set(all.flatMap(({ signals }) => signals))],
        hasToken: all.some(({ hasToken }) => hasToken),
      };
}

const inOrderOfMoving = (a: RoomSite, b: RoomSite): number =>
  Number(a.hasToken) - Number(b.hasToken) || Number(a.enabled) - Number(b.enabled) || byName(a, b);

/** What each account has room for once every move that is under way has ended. */
function roomOfAccounts(stacks: readonly StackRoom[]): Map<string, number> {
  const room = new Map(stacks.map(({ accountId, room: now }) => [accountId, now]));
  for (const { accountId, shard, sites } of stacks) {
    const leaving = sites.filter((site) => site.shard === shard && site.movingTo !== undefined).length;
    room.set(accountId, (room.get(accountId) ?? 0) + leaving);
  }
  return room;
}

interface Planning {
  readonly roomOf: (account: string) => number;
  readonly reserve: number;
  readonly moves: readonly SplitMove[];
}

/** The next site that leaves an account, and where it goes; undefined when none can. */
function nextMove(
  shards: ReadonlyMap<string, Shard>,
  account: string,
  { roomOf, reserve, moves }: Planning,
): SplitMove | undefined {
  const all = [...shards.values()];
  const spareOf = ({ accounts }: Shard): number => Math.min(...[...accounts].map(roomOf)) - reserve;
  const candidates = all
    .filter(({ accounts }) => accounts.has(account))
    .flatMap((shard) => shard.sites.map((site) => ({ shard, site })))
    .filter(({ site }) => moves.every((move) => move.site.name !== site.name))
    .sort((a, b) => inOrderOfMoving(a.site, b.site));
  for (const { shard, site } of candidates) {
    const [to] = all
      .filter(
        (one) =>
          // A shard without a name cannot be written as a place to move to.
          one.name !== "" &&
          [...shard.accounts].every((its) => !one.accounts.has(its)) &&
          spareOf(one) > 0 &&
          site.signals.every((signal) => one.signals.has(signal)),
      )
      // Those that take fewer kinds of sites first, so that the others keep room for the rest.
      .sort((a, b) => a.signals.size - b.signals.size || spareOf(b) - spareOf(a) || byName(a, b));
    if (to !== undefined) {
      return { site, from: shard.name, to: to.name, kind: site.hasToken ? "move" : "place" };
    }
  }
  return undefined;
}
