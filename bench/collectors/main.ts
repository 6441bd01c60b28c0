import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pMap from "p-map";
import { caseNames, measuredPath, readMeasured, type Measured } from "./results";
import { canBeBare, measure } from "./measure";
import { writeTable } from "./table";
import type { Subject } from "./subject";
import { subjects } from "./subjects";

/** Each mostly waits; more of them at once would make a small machine late with its scrapes, which would look like losses. */
const atOnce = 6;

/**
 * Measures what each collector that can be had here does when something goes wrong, bare and behind the relay, and writes
 * measured.json, of which docs/collectors.md is made. A collector takes five to ten minutes.
 *
 *   npm run bench:collectors                 measures all, and writes the table
 *   npm run bench:collectors -- prometheus   measures those whose title has this word
 *   npm run bench:collectors -- --table      writes the table alone
 */
async function main(): Promise<void> {
  const [option] = process.argv.slice(2);
  if (option === "--table") {
    await writeTable();
    return;
  }
  const wanted = process.argv.slice(2).join(" ").toLowerCase();
  for (const subject of subjects.filter(({ title }) => title.toLowerCase().includes(wanted))) {
    if (subject.program === undefined) {
      console.log(`${subject.title}: is not on this machine; \`npm run programs\` builds what can be built.`);
      continue;
    }
    console.log(`${subject.title}, ${subject.signal}`);
    const rows = await measureSubject(subject);
    // Read again: another run may have measured others meanwhile.
    const others = readMeasured().filter(
      ({ title, signal }) => title !== subject.title || signal !== subject.signal,
    );
    writeFileSync(measuredPath, `${JSON.stringify([...others, ...rows], undefined, 2)}\n`);
  }
  await writeTable();
}

async function measureSubject(subject: Subject): Promise<readonly Measured[]> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-collectors-"));
  const runs = (canBeBare(subject) ? [false, true] : [true]).flatMap((relayed) =>
    caseNames.map((what) => ({ relayed, what })),
  );
  try {
    return await pMap(
      runs,
      async ({ relayed, what }) => {
        const directory = join(home, `${relayed ? "relay" : "bare"}-${what.replaceAll(" ", "-")}`);
        mkdirSync(directory);
        const found = await measure(subject, what, relayed, directory);
        const words = [
          found.outcome,
          ...(found.lost > 0 ? [`${found.lost} lost`] : []),
          ...(found.leaked ? ["secret leaked"] : []),
          ...(found.restarted ? ["restarted"] : []),
        ];
        console.log(`  ${relayed ? "relay" : "bare"}, ${what}: ${words.join(", ")}`);
        return { title: subject.title, signal: subject.signal, relayed, what, ...found };
      },
      { concurrency: atOnce },
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

void main();
