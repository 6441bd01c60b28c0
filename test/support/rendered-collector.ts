import type { TestContext } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CollectorProcess } from "../../bench/collectors/collector-process";
import type { Run, Subject } from "../../bench/collectors/subject";
import { subjects } from "../../bench/collectors/subjects";
import type { CollectorName, CollectorSite, Credentials } from "../../collectors/collector";
import { collectors } from "../../collectors/collectors";
import { testCredentials } from "../../collectors/testing/sites";
import type { SignalName } from "../../fleet/signals";
import { writeSite } from "../../handover/site-folder";
import { freePort } from "../../local/run/processes";

/** A real collector that can be rendered for and run here; without `program` it cannot. */
export function subjectFor(collector: CollectorName, signal: SignalName): Subject {
  const found = subjects.findLast((one) => one.collector === collector && one.signal === signal);
  if (found === undefined) {
    throw new Error(`${collector} is never run`);
  }
  return found;
}

/** Renders a real collector for a site and runs it until the test ends. */
export async function startRendered(
  t: TestContext,
  subject: Subject,
  site: CollectorSite,
  credentials: Credentials = testCredentials,
): Promise<{ readonly run: Run; readonly collector: CollectorProcess }> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-rendered-"));
  t.after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const run = { directory: join(home, "site"), port: await freePort(), otherPort: await freePort() };
  const placement = { directory: run.directory, credentials };
  const rendered = collectors[subject.collector].render(site, placement, subject.release);
  const files = subject.adapt(rendered, run);
  writeSite(run.directory, site.name, files);
  const collector = new CollectorProcess(subject, files, run);
  t.after(() => collector.stop());
  await collector.start();
  return { run, collector };
}
