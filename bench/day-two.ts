import { performance } from "node:perf_hooks";
import Table from "cli-table3";
import { engineStack } from "../local/run/engine-stack";
import { openScenario, type Scenario } from "../test/support/scenario";
import { sitepassOn } from "../test/support/sitepass";

/**
 * What the day-2 commands cost on a fleet of 500 sites, as a person runs them: a process each, against the stand-in. Exit
 * code 1 when one of them fails, or needs more than its limit.
 */
const fleetSize = 500;

/** One command, and the most that it may need. */
interface Measured {
  readonly args: readonly string[];
  /** Of wall-clock time, the start of the process included. */
  readonly mostSeconds: number;
  /** Requests to Cloudflare's API. */
  readonly mostCalls: number;
  /** Puts the fleet into the state that the command is measured on. */
  readonly prepare?: (fleet: Scenario) => Promise<void> | void;
}

const measured: readonly Measured[] = [
  { args: ["status", "--json"], mostSeconds: 10, mostCalls: 25, prepare: pushOnce },
  { args: ["check", "--json"], mostSeconds: 10, mostCalls: 25 },
];

/** As if every site had just pushed. */
function pushOnce({ standIn }: Scenario): void {
  for (const token of standIn.database.serviceTokens.values()) {
    token.lastSeenAt = new Date().toISOString();
  }
}

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
    const table = new Table({
      head: ["command", "s", "API calls", "limits"],
      style: { head: [], border: [] },
    });
    for (const one of measured) {
      table.push(await measure(fleet, one));
    }
    console.log(table.toString());
  } finally {
    await fleet.close();
  }
}

async function measure(
  fleet: Scenario,
  { args, mostSeconds, mostCalls, prepare }: Measured,
): Promise<string[]> {
  await prepare?.(fleet);
  fleet.takeRequests();
  const start = performance.now();
  const { exitCode, stdout, stderr } = await sitepassOn(fleet, args);
  const seconds = (performance.now() - start) / 1000;
  const { reads, writes } = fleet.takeRequests();
  const calls = reads.length + writes.length;
  if (exitCode !== 0) {
    console.error(`sitepass ${args.join(" ")} ended with ${exitCode}:\n${stderr}${stdout.slice(0, 2000)}`);
  }
  if (exitCode !== 0 || seconds > mostSeconds || calls > mostCalls) {
    process.exitCode = 1;
  }
  return [
    `sitepass ${args.join(" ")}`,
    seconds.toFixed(1),
    String(calls),
    `${mostSeconds} s, ${mostCalls} calls`,
  ];
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
