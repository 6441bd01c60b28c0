import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { enginesHere, localEngine } from "../test/support/engines";
import { openAccounts } from "../test/support/two-accounts";

/**
 * What an `up` costs that changes nothing: a fleet of so many sites as one stack or several, one after the other, each in an
 * account of its own. On the Pulumi CLI where it is there, against the stand-in.
 *
 *   npm run bench:stacks -- [--fleet SITESxSTACKS ...]     default 50x1 and 500x10
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { fleet: { type: "string", multiple: true, default: ["50x1", "500x10"] } },
  });
  const engine = enginesHere[0] ?? localEngine;
  const table = new Table({
    head: ["sites", "stacks", "first up, s", "nothing to change, s", "a stack, s"],
    style: { head: [], border: [] },
  });
  for (const fleet of values.fleet) {
    const [sites = 0, stacks = 1] = fleet.split("x").map(Number);
    const { first, again } = await measure(sites, stacks);
    table.push([sites, stacks, first.toFixed(0), again.toFixed(0), (again / stacks).toFixed(1)]);
  }
  console.log(`on ${engine.name}\n${table.toString()}`);

  async function measure(
    sites: number,
    stacks: number,
  ): Promise<{ readonly first: number; readonly again: number }> {
    const shards = Array.from({ length: stacks }, (_, index) => `s${String(index).padStart(3, "0")}`);
    const files = Array.from({ length: sites }, (_, index) => [
      `site-${String(index).padStart(4, "0")}`,
      `shard: ${shards[index % stacks] ?? ""}\n`,
    ]);
    const ids = shards.map((shard, index) => [shard, String(index).padStart(32, "0")]);
    const accounts = await openAccounts(
      engine,
      Object.fromEntries(files) as Record<string, string>,
      Object.fromEntries(ids) as Record<string, string>,
    );
    try {
      const first = await seconds(() => accounts.up());
      return { first, again: await seconds(() => accounts.up()) };
    } finally {
      await accounts.close();
    }
  }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

void main();
