import { run, writeResult } from "./results";

// Previews one stack under the policy pack and keeps what was printed for the comment.
//
//   STACK=prod npx tsx scripts/ci/preview.ts <folder for the result>

/** As a diff, which has what would change alone; without outputs, which are no part of it, and without dots. */
export const previewCommand = (stack: string): readonly [string, ...string[]] => [
  "pulumi",
  "preview",
  "--stack",
  stack,
  "--policy-pack",
  "policy",
  "--non-interactive",
  "--color",
  "never",
  "--diff",
  "--suppress-outputs",
  "--suppress-progress",
];

async function main(): Promise<void> {
  const [folder] = process.argv.slice(2);
  const { STACK } = process.env;
  if (folder === undefined || STACK === undefined) {
    throw new Error("usage: STACK=<name> npx tsx scripts/ci/preview.ts <folder>");
  }
  const result = await run(STACK, "preview", previewCommand(STACK));
  writeResult(folder, result);
  process.exitCode = result.exitCode;
}

if (require.main === module) {
  void main();
}
