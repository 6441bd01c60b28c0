import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { enginesHere, type Engine } from "../support/engines";
import { comparable, documentedFaults, tellingLines, type DocumentedStep } from "./documented";
import { faults, type Fault } from "./fault-table";
import { runFault } from "./run-fault";

/** All of them take many minutes: `npm run test:faults`. */
const everyFault = process.env.SITEPASS_EVERY_FAULT === "1";

const documented = documentedFaults();

describe("docs/faults.md", () => {
  it("has what is said and done at each fault of the table, and of no other", () => {
    assert.deepEqual([...documented.keys()].sort(), faults.map(({ title }) => title).sort());
  });
});

/** By itself each quick one on one engine: the other would say the same of the same words once more. */
const isAsked = ({ quick }: Fault, { name }: Engine): boolean =>
  everyFault || quick === name || (quick !== undefined && enginesHere.length === 1);

for (const engine of enginesHere) {
  describe(`faults on ${engine.name}`, { concurrency: 2 }, () => {
    for (const fault of faults.filter((one) => isAsked(one, engine))) {
      const absence = fault.absence?.(engine.name);
      it(fault.title, { skip: absence ?? false }, () => comesThrough(engine, fault));
    }
  });
}

/** Lets a fault happen, does what the guide says, and compares what was said with what the guide says is said. */
async function comesThrough(engine: Engine, fault: Fault): Promise<void> {
  const steps = documented.get(fault.title) ?? [];
  const { steps: seen, secretsLost, unknownObjects, leftOver } = await runFault(engine, fault, steps);
  for (const [index, step] of steps.entries()) {
    const done = seen[index];
    if (done === undefined) {
      continue;
    }
    const told = `$ ${step.command} (${done.exitCode})\n${done.text}`;
    if (engine.saysAsDocumented === true) {
      // What is under way when another call fails may say that the engine is ending, or not.
      const lines = [...tellingLines(done.text)].filter((line) => !line.includes("connection is closing"));
      assert.deepEqual(lines.sort(), [...step.lines].sort(), told);
      assert.equal(done.exitCode !== 0, fails(step), told);
    } else {
      // local/engine takes a dead run's lock over by itself, so that it says the same a command earlier.
      const text = seen
        .flatMap((one) => one?.text.split("\n") ?? [])
        .map(comparable)
        .join("\n");
      const said = step.lines.filter((line) => !line.includes(ofErrorHook));
      for (const line of said.flatMap((one) => ownWords(one) ?? [])) {
        // Why the provider could not read something is in its own words.
        const [ours = line] = line.split("(invocation of");
        assert.ok(text.includes(ours), `${line}\n${told}`);
      }
    }
    if (index === steps.findLastIndex(({ command }) => command === "pulumi up")) {
      assert.equal(done.exitCode, 0, told);
    }
  }
  assert.deepEqual({ secretsLost, unknownObjects }, { secretsLost: [], unknownObjects: [] });
  assert.equal(leftOver.length, fault.leavesOver ?? 0, leftOver.join("\n"));
}

/** local/engine, which calls no hooks when something fails, does not say it. */
const ofErrorHook = "was not there when this `up` looked";

const fails = ({ lines }: DocumentedStep): boolean =>
  lines.some((line) => /^(error|problem|alarm)\b/i.test(line));

/**
 * The part of a line that the program says, whatever the engine puts before it: a sentence about something of this project.
 * What the engine and the provider say by themselves differs from one to another.
 */
const ownWords = (line: string): string | undefined =>
  /(?:sites\/|sitepass:|CLOUDFLARE_|application "|tunnel "|DNS record [A-Z]|Access policy "|notification policy ").*$/.exec(
    line,
  )?.[0];
