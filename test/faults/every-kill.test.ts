import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { after, describe, it } from "node:test";
import pMap from "p-map";
import { enginesHere } from "../support/engines";
import { killedChanges, prepareChange, type KillOutcome } from "./kills";

/** Minutes of it: `npm run test:faults`. */
const everyFault = process.env.SITEPASS_EVERY_FAULT === "1";

const [engine] = enginesHere;

describe(
  `kill -9 at every API call on ${engine?.name ?? "no engine"}`,
  { skip: everyFault ? false : "with `npm run test:faults`" },
  () => {
    const counts: string[] = [];
    after(() => {
      console.log(counts.join("\n"));
    });
    for (const killed of killedChanges) {
      it(`comes through in ${killed.name}`, async () => {
        assert.ok(engine !== undefined);
        const prepared = await prepareChange(engine, killed);
        try {
          const outcomes = await pMap(
            prepared.kills,
            async (kill): Promise<KillOutcome | Error> => {
              try {
                const outcome = await prepared.killAt(kill);
                // Minutes pass: somebody may want to see that it goes on.
                console.log(`killed ${kill.hold} ${outcome.request}: ${outcome.steps.length} commands`);
                return outcome;
              } catch (error) {
                console.log(`killed ${kill.hold} request ${kill.request}: ${String(error)}`);
                return error instanceof Error ? error : new Error(String(error));
              }
            },
            { concurrency: availableParallelism() },
          );
          const failures = outcomes.flatMap((outcome) => (outcome instanceof Error ? [outcome.message] : []));
          const most = Math.max(0, ...outcomes.map((one) => (one instanceof Error ? 0 : one.steps.length)));
          counts.push(
            `${killed.name}: ${outcomes.length} kills, ${outcomes.length - failures.length} came through with nothing lost, in at most ${most} commands`,
          );
          assert.equal(failures.length, 0, failures.join("\n\n"));
        } finally {
          await prepared.close();
        }
      });
    }
  },
);
