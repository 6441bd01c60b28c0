import { z } from "zod";
import { openGitHub, type GitHub } from "./github";

// Refuses to go on from a commit that main has left behind: its `up` would take away what came since.
//
//   GITHUB_SHA=… npx tsx scripts/ci/newest.ts

const refSchema = z.object({ object: z.object({ sha: z.string() }) });

/** Why a run of this commit must not change anything; undefined where it is the newest of main. */
export async function outdatedRefusal(github: GitHub, commit: string): Promise<string | undefined> {
  const { sha } = refSchema.parse(await github.ask("GET", "/git/ref/heads/main")).object;
  return sha === commit
    ? undefined
    : `This run is of ${commit}, and main is at ${sha}: an \`up\` of it would take back what came since, tokens of sites among it. Agree to the run of the newest commit, or start Deploy again (Actions > Deploy > Run workflow).`;
}

async function main(): Promise<void> {
  const { GITHUB_SHA } = z.object({ GITHUB_SHA: z.string().regex(/^[0-9a-f]{40,64}$/) }).parse(process.env);
  const refusal = await outdatedRefusal(openGitHub(process.env), GITHUB_SHA);
  if (refusal !== undefined) {
    console.error(refusal);
    process.exitCode = 1;
  }
}

if (require.main === module) {
  void main();
}
