import assert from "node:assert/strict";
import type { Engine } from "../support/engines";
import { openScenario, siteNameInPolicyShard, type Scenario } from "../support/scenario";
import { policyShardOf } from "../../provision/policy-shards";
import { heldAccount, lossesOf, recover, transcript, type Step } from "./recovery";

/** A change of a fleet that is killed in the middle. */
export interface KilledChange {
  readonly name: string;
  /** Whether it starts from a fleet that is up. */
  readonly fromFleet: boolean;
  readonly change: (fleet: Scenario) => void;
}

/** Five sites in two shards, so that policies of several tokens are among what is made. */
const first = siteNameInPolicyShard(() => true);
const together = siteNameInPolicyShard((shard) => shard === policyShardOf(first), "rack");
export const sites: readonly string[] = [
  first,
  together,
  siteNameInPolicyShard((shard) => shard === policyShardOf(first), "shop"),
  siteNameInPolicyShard((shard) => shard === policyShardOf(first) + 1, "farm"),
  siteNameInPolicyShard((shard) => shard === policyShardOf(first) + 1, "mill"),
];

export const killedChanges: readonly KilledChange[] = [
  { name: "a first up of five sites", fromFleet: false, change: () => undefined },
  {
    name: "a rotation of two sites",
    fromFleet: true,
    change: (fleet) => {
      for (const site of [first, together]) {
        fleet.putSite(site, "token:\n  secretVersion: 2\n  previousSecretExpiresAt: 2027-11-27T12:00:00Z\n");
      }
    },
  },
  {
    name: "the removal of a site",
    fromFleet: true,
    change: (fleet) => {
      fleet.removeSite(together);
    },
  },
  {
    name: "a change of a host name",
    fromFleet: true,
    change: (fleet) => {
      fleet.configure({
        endpoints: { metrics: { hostname: "push.example.com" }, logs: { hostname: "loki.example.com" } },
      });
    },
  },
];

/** One kill: at which request, counted from 0, and whether Cloudflare had done what was asked. */
export interface Kill {
  readonly request: number;
  readonly hold: "before" | "after";
}

/** A change that was carried out to its end once, and can be killed from its start. */
export interface PreparedChange {
  readonly kills: readonly Kill[];
  /** Kills a run of the change, then does what is said until it is through. */
  readonly killAt: (kill: Kill) => Promise<KillOutcome>;
  readonly close: () => Promise<void>;
}

export interface KillOutcome {
  /** What was asked, as `POST /accounts/...`. */
  readonly request: string;
  readonly steps: readonly Step[];
}

export async function prepareChange(
  engine: Engine,
  { fromFleet, change }: KilledChange,
): Promise<PreparedChange> {
  const start = await openScenario(engine, {
    sites: Object.fromEntries(sites.map((site) => [site, ""])),
    configuration: { alertEmails: ["ops@example.com"] },
  });
  await start.init();
  if (fromFleet) {
    assert.equal((await start.up()).exitCode, 0);
  }
  change(start);
  const whole = await start.copy();
  whole.takeRequests();
  const { exitCode, text } = await whole.up();
  assert.equal(exitCode, 0, text);
  const methods = whole.standIn.requests.map(({ method }) => method);
  const wanted = heldAccount(whole);
  await whole.close();
  return {
    kills: methods.flatMap((method, request): Kill[] => [
      { request, hold: "before" },
      ...(method === "GET" ? [] : [{ request, hold: "after" as const }]),
    ]),
    killAt: async ({ request, hold }) => {
      const fleet = await start.copy();
      try {
        const { stack, kill } = fleet.killable();
        let asked = "";
        fleet.standIn.inject({
          match: {},
          skip: request,
          hold,
          onHit: ({ method, path }) => {
            asked = `${method} ${path}`;
            kill();
          },
        });
        const killed = await stack.up();
        assert.notEqual(asked, "", `there was no request ${request}:\n${killed.text}`);
        const steps = await recover(fleet);
        const told = () => `killed ${hold} ${asked}\n${transcript(steps)}`;
        const { secretsLost, unknownObjects } = await lossesOf(fleet);
        assert.deepEqual({ secretsLost, unknownObjects }, { secretsLost: [], unknownObjects: [] }, told());
        assert.deepEqual(withoutRemade(heldAccount(fleet)), withoutRemade(wanted), told());
        return { request: asked, steps };
      } finally {
        await fleet.close();
      }
    },
    close: start.close,
  };
}

/** A secret that was lost and made anew has a version of its own. */
const withoutRemade = (account: readonly string[]) =>
  account.map((line) => line.replace(/^(token .*) 3$/, "$1 2"));
