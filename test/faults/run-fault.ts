import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { permissions } from "cloudflare-standin/api/permissions";
import type { Engine } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import type { DocumentedStep } from "./documented";
import type { Fault } from "./fault-table";
import { carryOut, lossesOf, type Losses, type Step } from "./recovery";

export interface FaultOutcome extends Losses {
  /** One for each documented step; undefined for what is done by hand. */
  readonly steps: readonly (Step | undefined)[];
}

/** Lets a fault happen to a fleet, and carries out what docs/faults.md says of it. */
export async function runFault(
  engine: Engine,
  fault: Fault,
  documented: readonly DocumentedStep[],
): Promise<FaultOutcome> {
  const { sites = [], configuration = {}, limits, lacks = [], fromFleet = false, killedBy } = fault;
  const fleet = await openScenario(engine, {
    sites: Object.fromEntries(["tokyo", ...sites].map((site) => [site, ""])),
    configuration: { endpoints: { metrics: { hostname: "prom.example.com" } }, ...configuration },
    ...(limits === undefined ? {} : { limits }),
    ...(lacks.length === 0
      ? {}
      : { apiToken: (standIn) => standIn.createApiToken(permissions.filter((one) => !lacks.includes(one))) }),
  });
  // Or `check` would advise it every time.
  fleet.standIn.database.organization.strict_service_token_auth = true;
  try {
    await fleet.init();
    if (fromFleet) {
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
    }
    await fault.happen(fleet);
    if (killedBy !== undefined) {
      const { stack, kill } = fleet.killable();
      let held = false;
      fleet.standIn.inject({
        ...killedBy,
        onHit: () => {
          held = true;
          // What else is under way comes to its end first, so that the same is left each time.
          void untilQuiet(fleet).then(kill);
        },
      });
      const { text } = await stack.up();
      assert.ok(held, `nothing was killed:\n${text}`);
    }
    const steps: (Step | undefined)[] = [];
    for (const { command, byHand } of documented) {
      if (byHand) {
        const act = fault.byHand?.[command];
        assert.ok(act !== undefined, `nobody does "${command}"`);
        await act(fleet);
        steps.push(undefined);
      } else {
        steps.push(await carryOut(fleet, command));
      }
    }
    return { steps, ...(await lossesOf(fleet)) };
  } finally {
    fault.cleanUp?.(fleet);
    await fleet.close();
  }
}

const quietMilliseconds = 2000;

/** Resolves when nothing was asked of the stand-in for a while. */
async function untilQuiet(fleet: Scenario): Promise<void> {
  for (let asked = -1; asked !== fleet.standIn.requests.length;) {
    asked = fleet.standIn.requests.length;
    await delay(quietMilliseconds);
  }
}
