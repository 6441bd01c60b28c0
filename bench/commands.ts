import { performance } from "node:perf_hooks";
import Table from "cli-table3";
import { engineStack } from "../local/run/project-stack";
import { openTestDataPath } from "../test/support/data-path";
import { openScenario, type Scenario } from "../test/support/scenario";
import { sitepassOn } from "../test/support/sitepass";

/**
 * What commands cost on a fleet of 500 sites, as a person runs them: a process each, against the stand-in. Exit code 1 when
 * one of them fails, or needs more than its limit.
 *
 *   npm run bench:day2     time and API calls of status and check
 *   npm run bench:verify   time of verify, whose requests go through the stand-in's edge in this process
 */
const fleetSize = 500;

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
    await (process.argv[2] === "verify" ? measureVerify(fleet) : measureDayTwo(fleet));
  } finally {
    await fleet.close();
  }
}

async function measureDayTwo(fleet: Scenario): Promise<void> {
  // As if every site had just pushed.
  for (const token of fleet.standIn.database.serviceTokens.values()) {
    token.lastSeenAt = new Date().toISOString();
  }
  const table = new Table({ head: ["command", "s", "API calls", "limits"], style: { head: [], border: [] } });
  for (const args of [
    ["status", "--json"],
    ["check", "--json"],
  ]) {
    fleet.takeRequests();
    const { seconds, calls } = await measure(fleet, args, 10, 25);
    table.push([`sitepass ${args.join(" ")}`, seconds.toFixed(1), String(calls), "10 s, 25 calls"]);
  }
  console.log(table.toString());
}

async function measureVerify(fleet: Scenario): Promise<void> {
  const { edge, close } = await openTestDataPath(fleet);
  try {
    for (const concurrency of [1, 16, 64]) {
      edge.clear();
      const args = ["verify", "--via", edge.url, "--concurrency", String(concurrency)];
      // 16 is the default.
      const { seconds } = await measure(fleet, args, concurrency === 16 ? 30 : Infinity);
      console.log(
        `${fleetSize} sites, ${edge.answered.length} requests, ${concurrency} at a time: ${seconds.toFixed(1)} s`,
      );
    }
  } finally {
    await close();
  }
}

/** @param mostSeconds of wall-clock time, the start of the process included. */
async function measure(
  fleet: Scenario,
  args: readonly string[],
  mostSeconds: number,
  mostCalls = Infinity,
): Promise<{ readonly seconds: number; readonly calls: number }> {
  const start = performance.now();
  const { exitCode, stdout, stderr } = await sitepassOn(fleet, args, { ownProcess: true });
  const seconds = (performance.now() - start) / 1000;
  const { reads, writes } = fleet.takeRequests();
  const calls = reads.length + writes.length;
  if (exitCode !== 0) {
    console.error(`sitepass ${args.join(" ")} ended with ${exitCode}:\n${stderr}${stdout.slice(-2000)}`);
  }
  if (exitCode !== 0 || seconds > mostSeconds || calls > mostCalls) {
    console.error(`sitepass ${args.join(" ")} failed, or needed more than it may.`);
    process.exitCode = 1;
  }
  return { seconds, calls };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
