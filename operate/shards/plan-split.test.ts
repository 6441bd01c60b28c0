import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RoomSite, StackRoom } from "./account-room";
import { problemText } from "../../fleet/problem";
import { brakeWarnings, planSplit } from "./plan-split";

const site = (name: string, shard: string, more: Partial<RoomSite> = {}): RoomSite => ({
  name,
  file: `sites/${name}.yaml`,
  shard,
  signals: ["metrics", "logs"],
  enabled: true,
  hasToken: true,
  ...more,
});

const stack = (
  shard: string,
  room: number,
  sites: readonly RoomSite[] = [],
  more: Partial<StackRoom> = {},
): StackRoom => ({
  stackName: shard === "" ? "prod" : shard,
  shard,
  accountId: `account-${shard}`,
  tokens: 50 - room,
  toCome: 0,
  limit: 50,
  room,
  signals: ["metrics", "logs"],
  sites,
  allowRemovals: 0,
  ...more,
});

const named = (shard: string, ...names: readonly string[]): readonly RoomSite[] =>
  names.map((name) => site(name, shard));

const told = (stacks: readonly StackRoom[], reserve = 5) => {
  const { moves, short, roomAfter } = planSplit(stacks, reserve);
  return {
    moves: moves.map(({ site: { name }, from, to, kind }) => `${kind} ${name} ${from} ${to}`),
    short,
    roomAfter: Object.fromEntries(roomAfter),
  };
};

describe("planSplit", () => {
  it("moves nobody where every account keeps the reserve", () => {
    assert.deepEqual(told([stack("eu", 5, named("eu", "a")), stack("us", 40)]), {
      moves: [],
      short: [],
      roomAfter: { "account-eu": 5, "account-us": 40 },
    });
  });

  it("moves as many as are missing, and no more, to where there is most room", () => {
    const stacks = [stack("eu", 1, named("eu", "d", "a", "c", "b", "e")), stack("us", 8), stack("asia", 7)];
    assert.deepEqual(told(stacks), {
      moves: ["move a eu us", "move b eu asia", "move c eu us", "move d eu asia"],
      short: [],
      roomAfter: { "account-asia": 5, "account-eu": 5, "account-us": 6 },
    });
  });

  it("takes sites without a token first, which need no move, then those that are shut out", () => {
    const sites = [
      site("a", "eu"),
      site("b", "eu", { enabled: false }),
      site("c", "eu", { hasToken: false }),
      site("d", "eu", { hasToken: false, enabled: false }),
    ];
    assert.deepEqual(told([stack("eu", 2, sites), stack("us", 40)]).moves, [
      "move b eu us",
      "place c eu us",
      "place d eu us",
    ]);
  });

  it("places what is more than the account may have, however much that is", () => {
    const sites = Array.from({ length: 60 }, (_none, index) =>
      site(`s${String(index).padStart(2, "0")}`, "eu", { hasToken: index < 45 }),
    );
    const { moves, roomAfter } = told([stack("eu", -10, sites), stack("us", 50)]);
    assert.equal(moves.length, 15);
    assert.ok(moves.every((move) => move.startsWith("place ")));
    assert.deepEqual(roomAfter, { "account-eu": 5, "account-us": 35 });
  });

  it("counts sites that are moving away as gone, and moves none of them twice", () => {
    const sites = [site("a", "eu", { movingTo: "us" }), ...named("eu", "b", "c")];
    const moving = site("a", "eu", { movingTo: "us" });
    assert.deepEqual(told([stack("eu", 3, sites), stack("us", 40, [moving])]), {
      moves: ["move b eu us"],
      short: [],
      roomAfter: { "account-eu": 5, "account-us": 39 },
    });
  });

  it("moves a site only where what it pushes has an endpoint, and keeps room for those that fit nowhere else", () => {
    const metrics = { signals: ["metrics"] } as const;
    const stacks = [
      stack("eu", 3, [site("a", "eu", metrics), site("b", "eu")]),
      stack("meters", 6, [], metrics),
      stack("us", 6),
    ];
    assert.deepEqual(told(stacks).moves, ["move a eu meters", "move b eu us"]);
    assert.deepEqual(told([stack("eu", 4, named("eu", "b")), stack("meters", 40, [], metrics)]), {
      moves: [],
      short: [{ accountId: "account-eu", missing: 1 }],
      roomAfter: { "account-eu": 4, "account-meters": 40 },
    });
  });

  it("plans what it can where the others have too little room, and says what is missing", () => {
    assert.deepEqual(told([stack("eu", 0, named("eu", "a", "b", "c")), stack("us", 7)]), {
      moves: ["move a eu us", "move b eu us"],
      short: [{ accountId: "account-eu", missing: 3 }],
      roomAfter: { "account-eu": 2, "account-us": 5 },
    });
  });

  it("moves nobody to a shard of the same account, or to the one without a name", () => {
    const shared = { accountId: "account-eu" };
    assert.deepEqual(
      told([stack("eu", 4, named("eu", "a")), stack("eu2", 4, [], shared), stack("", 40)]).short,
      [{ accountId: "account-eu", missing: 1 }],
    );
  });

  it("counts a shard of several stacks by the fullest account, and a site once", () => {
    const test = { stackName: "us-test", accountId: "account-test" };
    assert.deepEqual(
      told([stack("eu", 3, named("eu", "a", "b")), stack("us", 40), stack("us", 6, [], test)]),
      {
        moves: ["move a eu us"],
        short: [{ accountId: "account-eu", missing: 1 }],
        roomAfter: { "account-eu": 4, "account-us": 39, "account-test": 5 },
      },
    );
  });
});

describe("brakeWarnings", () => {
  const names = Array.from({ length: 20 }, (_, index) => `site-${index}`);
  const warned = (reserve: number, more: Partial<StackRoom> = {}): readonly string[] => {
    const stacks = [stack("eu", 0, named("eu", ...names), more), stack("us", 40)];
    return brakeWarnings(stacks, planSplit(stacks, reserve).moves).map(problemText);
  };

  it("come where one up takes away fewer sites than the plan moves", () => {
    assert.deepEqual(warned(6), []);
    assert.deepEqual(warned(9), [
      "stack eu: loses 9 of its 20 sites by this plan, and one `up` of it takes away 6 at most. End the moves in parts (`npx sitepass move SITE --finish`), with an `up` after each, or set its sitepass:allowRemovals to 3 for one.",
    ]);
    assert.deepEqual(warned(9, { allowRemovals: 3 }), []);
  });

  it("say how the last site goes, which never does by itself", () => {
    const stacks = [stack("eu", 4, named("eu", "tokyo")), stack("us", 40)];
    assert.deepEqual(brakeWarnings(stacks, planSplit(stacks, 5).moves).map(problemText), [
      "stack eu: loses 1 of its 1 site by this plan, and one `up` of it takes away 0 at most. Set its sitepass:allowRemovals to 1 for the `up` after the last of them is moved: the last site never goes by itself.",
    ]);
  });

  it("do not come for sites that have no token yet", () => {
    const stacks = [
      stack("eu", 0, [
        ...named("eu", ...names),
        ...["new-1", "new-2", "new-3", "new-4", "new-5", "new-6", "new-7", "new-8"].map((name) =>
          site(name, "eu", { hasToken: false }),
        ),
      ]),
      stack("us", 40),
    ];
    assert.deepEqual(brakeWarnings(stacks, planSplit(stacks, 8).moves), []);
  });
});
