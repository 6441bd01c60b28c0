import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { commentMarker, commentText } from "./comment";
import {
  changeRefusal,
  laySites,
  notText,
  textIn,
  writeRefusal,
  type Laid,
  type SiteChange,
} from "./lay-sites";
import { readResults, stackNames } from "./results";

// The two steps of docs/gitlab-ci.yml that GitHub's API does elsewhere: sites of a merge request as data, and its one note.
//
//   MERGE_REQUEST=7 SITEPASS_STACKS='["prod"]' npx tsx scripts/ci/gitlab.ts lay <folder for what is refused>
//   MERGE_REQUEST=7 SITEPASS_STACKS='["prod"]' npx tsx scripts/ci/gitlab.ts note <folder of results>

/** The changes of a commit since it left the branch that is checked out, from git itself. */
export function siteChangesInGit(repository: string, head: string): Laid {
  const gitBytes = (...args: readonly string[]): Buffer => {
    const { status, stdout, stderr } = spawnSync("git", args, { cwd: repository, maxBuffer: 2 ** 28 });
    if (status !== 0) {
      throw new Error(`git ${args[0] ?? ""} failed: ${stderr.toString("utf8")}`);
    }
    return stdout;
  };
  const git = (...args: readonly string[]): string => gitBytes(...args).toString("utf8");
  const base = git("merge-base", "HEAD", head).trim();
  // `:<mode before> <mode> <blob before> <blob> <status>`, then the path.
  const fields = git("diff", "--raw", "-z", "--no-renames", "--no-abbrev", base, head).split("\0");
  const changes: SiteChange[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = "", , blob = "", status = ""] = (fields[at] ?? "").split(" ");
    const path = fields[at + 1] ?? "";
    const size = status === "D" || mode === "160000" ? 0 : Number(git("cat-file", "-s", blob));
    const why = changeRefusal(path, status === "D" ? undefined : { mode, size });
    if (why !== undefined) {
      return { ok: false, why, leftTo: "nobody" };
    }
    const text = status === "D" ? undefined : textIn(gitBytes("cat-file", "blob", blob));
    if (status !== "D" && text === undefined) {
      return { ok: false, why: notText(path), leftTo: "nobody" };
    }
    changes.push({ file: path.slice("sites/".length), text });
  }
  return { ok: true, changes };
}

const gitLabSchema = z.object({
  CI_API_V4_URL: z.url(),
  CI_PROJECT_ID: z.string().regex(/^\d+$/),
  CI_PIPELINE_URL: z.string(),
  /** A project access token with the scope `api`: a job's own token may write no notes. */
  GITLAB_TOKEN: z.string().min(1),
});
const notesSchema = z.array(
  z.object({ id: z.number(), body: z.string(), author: z.object({ id: z.number() }) }),
);

/** Writes the merge request's note, in place of the one that is there. */
async function putNote(mergeRequest: number, text: (page: string) => string): Promise<void> {
  const { CI_API_V4_URL, CI_PROJECT_ID, CI_PIPELINE_URL, GITLAB_TOKEN } = gitLabSchema.parse(process.env);
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${CI_API_V4_URL}${path}`, {
      method,
      headers: { "private-token": GITLAB_TOKEN, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) {
      throw new Error(`GitLab answered ${response.status} to ${method} ${path}: ${await response.text()}`);
    }
    return response.json();
  };
  const notes = `/projects/${CI_PROJECT_ID}/merge_requests/${mergeRequest}/notes`;
  const { id: self } = z.object({ id: z.number() }).parse(await ask("GET", "/user"));
  const found = notesSchema
    .parse(await ask("GET", `${notes}?sort=asc&per_page=100`))
    .find(({ body, author }) => author.id === self && body.startsWith(commentMarker));
  const body = { body: text(CI_PIPELINE_URL) };
  await (found === undefined ? ask("POST", notes, body) : ask("PUT", `${notes}/${found.id}`, body));
}

async function main(): Promise<void> {
  const [step, folder = ""] = process.argv.slice(2);
  const { MERGE_REQUEST } = z
    .object({ MERGE_REQUEST: z.coerce.number().int().positive() })
    .parse(process.env);
  const root = join(__dirname, "..", "..");
  const head = `refs/sitepass/${MERGE_REQUEST}`;
  if (step === "lay") {
    const laid = siteChangesInGit(root, head);
    if (!laid.ok) {
      writeRefusal(folder, stackNames(process.env.SITEPASS_STACKS), laid.why);
      process.exitCode = 1;
      return;
    }
    laySites(join(root, "sites"), laid.changes);
  } else {
    const { stdout } = spawnSync("git", ["rev-parse", head], { cwd: root, encoding: "utf8" });
    await putNote(MERGE_REQUEST, (page) =>
      commentText({
        head: stdout.trim(),
        stacks: stackNames(process.env.SITEPASS_STACKS),
        results: readResults(folder),
        page,
      }),
    );
  }
}

if (require.main === module) {
  void main();
}
