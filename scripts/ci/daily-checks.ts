import { run, writeResult } from "./results";
import { previewCommand } from "./preview";

// What is looked at every day, on one stack: renews what expires soon, then status and drift.
//
//   STACK=prod RENEW_WITHIN=45d npx tsx scripts/ci/daily-checks.ts <folder for the results>

/** By title. In this order: a token that was just renewed is no alarm. */
export const dailyChecks = (
  stack: string,
  within: string,
): Readonly<Record<DailyCheck, readonly [string, ...string[]]>> => ({
  renew: ["npx", "sitepass", "renew", "--within", within, "--stack", stack],
  status: ["npx", "sitepass", "status", "--stack", stack],
  drift: [...previewCommand(stack), "--refresh", "--expect-no-changes"],
});

export const dailyCheckNames = ["renew", "status", "drift"] as const;
type DailyCheck = (typeof dailyCheckNames)[number];

async function main(): Promise<void> {
  const [folder] = process.argv.slice(2);
  const { STACK, RENEW_WITHIN = "45d" } = process.env;
  if (folder === undefined || STACK === undefined) {
    throw new Error("usage: STACK=<name> npx tsx scripts/ci/daily-checks.ts <folder>");
  }
  const commands = dailyChecks(STACK, RENEW_WITHIN);
  for (const title of dailyCheckNames) {
    console.log(`::group::${title}`);
    const result = await run(STACK, title, commands[title]);
    console.log("::endgroup::");
    writeResult(folder, result);
    process.exitCode = result.exitCode === 0 ? process.exitCode : 1;
  }
}

if (require.main === module) {
  void main();
}
