import { performance } from "node:perf_hooks";
import { engineStack } from "../local/run/engine-stack";
import { openTestDataPath } from "../test/support/data-path";
import { openScenario } from "../test/support/scenario";
import { sitepassOn } from "../test/support/sitepass";

/**
 * What `sitepass verify` takes for a fleet of 500 sites, as a person runs it: a process of its own, whose requests go through
 * local/edge in this one. Exit code 1 when it finds something wrong, or takes more than half a minute.
 */
const fleetSize = 500;
const mostSeconds = 30;

async function main(): Promise<void> {
  const names = Array.from({ length: fleetSize }, (_, index) => `site-${String(index + 1).padStart(3, "0")}`);
  const fleet = await openScenario(
    { name: "local/engine", open: engineStack, sendsEnabled: true },
    {
      sites: Object.fromEntries(names.map((name) => [name, ""])),
      configuration: { serviceTokenLimit: fleetSize },
      limits: { serviceTokens: fleetSize },
    },
  );
  try {
    const { exitCode, text } = await fleet.up();
    if (exitCode !== 0) {
      throw new Error(`up failed:\n${text}`);
    }
    const path = await openTestDataPath(fleet);
    try {
      for (const concurrency of [1, 16, 64]) {
        path.edge.clear();
        const start = performance.now();
        const run = await sitepassOn(fleet, [
          ...["verify", "--via", path.edge.url, "--concurrency", String(concurrency)],
        ]);
        const seconds = (performance.now() - start) / 1000;
        console.log(
          `${fleetSize} sites, ${path.edge.answered.length} requests, ${concurrency} at a time: ${seconds.toFixed(1)} s`,
        );
        if (run.exitCode !== 0) {
          throw new Error(`verify ended with ${run.exitCode}:\n${run.stderr}${run.stdout.slice(-2000)}`);
        }
        // The default.
        if (concurrency === 16 && seconds > mostSeconds) {
          console.error(`This is more than the ${mostSeconds} s that it may take.`);
          process.exitCode = 1;
        }
      }
    } finally {
      await path.close();
    }
  } finally {
    await fleet.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
