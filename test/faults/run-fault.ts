import assert from "node:assert/strict";
import { permissions } from "../../packages/cloudflare-standin/api/permissions";
import type { Engine } from "../support/engines";
import { openScenario } from "../support/scenario";
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
          kill();
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
    await fleet.close();
  }
}
