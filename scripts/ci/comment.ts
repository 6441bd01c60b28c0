import { z } from "zod";
import { findOwn, openGitHub, runPage, type GitHub } from "./github";
import { block, countsIn, readResults, shareOf, stackNames, type StackResult } from "./results";

// Writes the previews of a pull request into its one comment.
//
//   PULL_REQUEST=7 HEAD_SHA=… SITEPASS_STACKS='["prod"]' npx tsx scripts/ci/comment.ts <folder of results>

export const commentMarker = "<!-- sitepass: preview -->";

export interface Previewed {
  readonly head: string;
  readonly stacks: readonly string[];
  readonly results: readonly StackResult[];
  /** Page of the run. */
  readonly page: string;
}

/** The commit, as a comment names it. */
const shortSha = (head: string): string => head.slice(0, 12);

/** The comment's whole text: every stack that was to be previewed is in it, also one that nothing came of. */
export function commentText({ head, stacks, results, page }: Previewed): string {
  const share = shareOf(stacks.length);
  const sections = stacks.map((stack) => {
    const result = results.find((one) => one.stack === stack);
    if (result === undefined) {
      return `### \`${stack}\`: no preview\n\nIt was not made; the [run](${page}) says why.`;
    }
    const how = result.exitCode === 0 ? "previewed" : "refused";
    const counts = countsIn(result.text).map((count) => `\`${count}\``);
    // In sight: what is to be deleted may stand in the part that is left out, or is not opened.
    const sum = counts.length === 0 ? "" : `${counts.join(", ")}\n\n`;
    return `### \`${stack}\`: ${how}\n\n${sum}<details${result.exitCode === 0 ? "" : " open"}><summary>what <code>pulumi preview</code> says</summary>\n\n${block(result.text, share)}\n\n</details>`;
  });
  return [
    commentMarker,
    `What \`up\` would change with ${shortSha(head)} ([run](${page})). Nothing is changed yet.`,
    ...sections,
  ].join("\n\n");
}

/** Writes the comment, in place of the one that is there. */
export async function putComment(github: GitHub, pullRequest: number, text: string): Promise<void> {
  const found = findOwn(await github.list(`/issues/${pullRequest}/comments`), commentMarker);
  await (found === undefined
    ? github.ask("POST", `/issues/${pullRequest}/comments`, { body: text })
    : github.ask("PATCH", `/issues/comments/${found.id}`, { body: text }));
}

/**
 * Says in the comment on an earlier commit that it is one, where nobody has previewed this commit yet: what stands there would be
 * taken for what `up` does with it.
 */
export async function markOutdated(github: GitHub, pullRequest: number, head: string): Promise<void> {
  const found = findOwn(await github.list(`/issues/${pullRequest}/comments`), commentMarker);
  if (found !== undefined && !found.body.includes(`with ${shortSha(head)} `)) {
    const text = `There is no preview with ${shortSha(head)} yet: more than site files is changed, and that is previewed after a reviewer of \`preview-of-code\` has agreed. What stood here was of an earlier commit.`;
    await github.ask("PATCH", `/issues/comments/${found.id}`, { body: `${commentMarker}\n\n${text}` });
  }
}

/** Whether a pull request is still at this commit; the run for the next one writes the comment otherwise. */
export async function isHead(github: GitHub, pullRequest: number, head: string): Promise<boolean> {
  const pull = z.object({ head: z.object({ sha: z.string() }) });
  return pull.parse(await github.ask("GET", `/pulls/${pullRequest}`)).head.sha === head;
}

async function main(): Promise<void> {
  const [folder = ""] = process.argv.slice(2);
  const { PULL_REQUEST, HEAD_SHA } = z
    .object({
      PULL_REQUEST: z.coerce.number().int().positive(),
      HEAD_SHA: z.string().regex(/^[0-9a-f]{40,64}$/),
    })
    .parse(process.env);
  const github = openGitHub(process.env);
  if (!(await isHead(github, PULL_REQUEST, HEAD_SHA))) {
    console.log(`Nothing is written: the pull request has moved on from ${HEAD_SHA}.`);
    return;
  }
  if (process.env.LAID === "code") {
    await markOutdated(github, PULL_REQUEST, HEAD_SHA);
    return;
  }
  const text = commentText({
    head: HEAD_SHA,
    stacks: stackNames(process.env.SITEPASS_STACKS),
    results: readResults(folder),
    page: runPage(process.env),
  });
  await putComment(github, PULL_REQUEST, text);
}

if (require.main === module) {
  void main();
}
