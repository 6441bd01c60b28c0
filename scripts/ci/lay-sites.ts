import { isUtf8 } from "node:buffer";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openGitHub, type GitHub } from "./github";
import { stackNames, writeResult } from "./results";

// Lays the site files that a pull request changes over those of main, as data: its code is neither fetched nor run.
//
//   PULL_REQUEST=7 HEAD_SHA=… SITEPASS_STACKS='["prod"]' npx tsx scripts/ci/lay-sites.ts <folder for what is refused>

/** One change that a pull request makes to sites/. */
export type SiteChange =
  | { readonly file: string; readonly text: string }
  /** It is gone. */
  | { readonly file: string; readonly text: undefined };

/** What a pull request would have of the base, or why that cannot be taken as data. */
export type Laid =
  | { readonly ok: true; readonly changes: readonly SiteChange[] }
  | {
      readonly ok: false;
      readonly why: string;
      /** Who says so: the run for the next commit, preview-of-code.yml, or nobody but this one, which has to be red. */
      readonly leftTo: "next" | "code" | "nobody";
    };

const mostBytes = 65_536;
const mostFiles = 1_000;

/** GitHub looks at no more files of a pull request when it goes by the `paths` of a workflow. */
const filesForPaths = 300;

/** A site file by its path: directly in sites/, and not hidden. */
const sitePath = /^sites\/([A-Za-z0-9][A-Za-z0-9._-]*\.ya?ml)$/;

const changedSchema = z.object({
  filename: z.string(),
  previous_filename: z.string().optional(),
  status: z.string(),
});
const pullSchema = z.object({ head: z.object({ sha: z.string() }) });
const commitSchema = z.object({ tree: z.object({ sha: z.string() }) });
const treeSchema = z.object({
  truncated: z.boolean().optional(),
  tree: z.array(
    z.object({ path: z.string(), mode: z.string(), sha: z.string(), size: z.number().optional() }),
  ),
});
const blobSchema = z.object({ encoding: z.literal("base64"), content: z.string() });

const regularFile = "100644";
const folder = "040000";

/** Why a changed path cannot be taken as data, or undefined; without what is there now where that is not asked about. */
export function changeRefusal(
  path: string,
  now?: { readonly mode: string; readonly size?: number | undefined },
): string | undefined {
  if (!sitePath.test(path)) {
    return `more is changed than site files (${JSON.stringify(path)}), and what that does is known by running it`;
  }
  if (now === undefined) {
    return undefined;
  }
  if (now.mode !== regularFile) {
    return `${path} is not a regular file (mode ${now.mode}), and links are not followed`;
  }
  return (now.size ?? Infinity) > mostBytes
    ? `${path} has ${String(now.size)} bytes, and a site file has at most ${mostBytes}`
    : undefined;
}

/** What a file says; undefined where it is not UTF-8, of which reading would make another file. */
export const textIn = (bytes: Buffer): string | undefined =>
  isUtf8(bytes) ? bytes.toString("utf8") : undefined;

export const notText = (path: string): string => `${path} is not UTF-8`;

/** Reads the changes of a pull request at one commit, and refuses whatever is not a plain site file. */
export async function readSiteChanges(github: GitHub, pullRequest: number, head: string): Promise<Laid> {
  const headNow = async () => pullSchema.parse(await github.ask("GET", `/pulls/${pullRequest}`)).head.sha;
  const movedOn = {
    ok: false,
    why: `the pull request has moved on from ${head}; the run for its new commit takes over`,
    leftTo: "next",
  } as const;
  const refused = (why: string) => ({ ok: false, why, leftTo: "nobody" }) as const;
  if ((await headNow()) !== head) {
    return movedOn;
  }
  const changed = (await github.list(`/pulls/${pullRequest}/files`)).map((one) => changedSchema.parse(one));
  const paths = changed.flatMap(({ filename, previous_filename }) =>
    [filename, previous_filename ?? []].flat(),
  );
  const [other] = paths.flatMap((path) => changeRefusal(path) ?? []);
  if (other !== undefined) {
    // By what it is called now, as `paths-ignore` of preview-of-code.yml does.
    const isCode =
      changed.length <= filesForPaths && changed.some(({ filename }) => !filename.startsWith("sites/"));
    return isCode ? { ok: false, why: other, leftTo: "code" } : refused(other);
  }
  if (paths.length > mostFiles) {
    return refused(`the pull request changes ${paths.length} files, and ${mostFiles} are taken at once`);
  }
  const commit = commitSchema.parse(await github.ask("GET", `/git/commits/${head}`));
  const root = treeSchema.parse(await github.ask("GET", `/git/trees/${commit.tree.sha}`));
  const sites = root.tree.find(({ path, mode }) => path === "sites" && mode === folder);
  const tree =
    sites === undefined ? undefined : treeSchema.parse(await github.ask("GET", `/git/trees/${sites.sha}`));
  if (tree?.truncated === true) {
    return refused("sites/ has more files than GitHub lists at once");
  }
  const changes: SiteChange[] = [];
  for (const path of new Set(paths)) {
    const [, file = ""] = sitePath.exec(path) ?? [];
    const entry = tree?.tree.find((one) => one.path === file);
    if (entry === undefined) {
      changes.push({ file, text: undefined });
      continue;
    }
    const why = changeRefusal(path, entry);
    if (why !== undefined) {
      return refused(why);
    }
    const { content } = blobSchema.parse(await github.ask("GET", `/git/blobs/${entry.sha}`));
    const text = textIn(Buffer.from(content, "base64"));
    if (text === undefined) {
      return refused(notText(path));
    }
    changes.push({ file, text });
  }
  // The list above is of the pull request as it is, not of a commit.
  return (await headNow()) === head ? { ok: true, changes } : movedOn;
}

/** Puts the changes into a folder of sites. The names are checked already. */
export function laySites(sites: string, changes: readonly SiteChange[]): void {
  for (const { file, text } of changes) {
    const path = join(sites, file);
    rmSync(path, { force: true });
    if (text !== undefined) {
      writeFileSync(path, text, { flag: "wx" });
    }
  }
}

/** For the comment, in place of a preview: without it, the one on an earlier commit would go on standing for this one. */
export function writeRefusal(folder: string, stacks: readonly string[], why: string): void {
  for (const stack of stacks) {
    writeResult(folder, { stack, title: "preview", exitCode: 1, text: `Nothing is previewed: ${why}.` });
  }
}

async function main(): Promise<void> {
  const [folder] = process.argv.slice(2);
  const { PULL_REQUEST, HEAD_SHA } = z
    .object({
      PULL_REQUEST: z.coerce.number().int().positive(),
      HEAD_SHA: z.string().regex(/^[0-9a-f]{40,64}$/),
    })
    .parse(process.env);
  if (folder === undefined) {
    throw new Error("usage: PULL_REQUEST=7 HEAD_SHA=… npx tsx scripts/ci/lay-sites.ts <folder>");
  }
  const laid = await readSiteChanges(openGitHub(process.env), PULL_REQUEST, HEAD_SHA);
  if (laid.ok) {
    laySites(join(__dirname, "..", "..", "sites"), laid.changes);
    for (const { file, text } of laid.changes) {
      console.log(`sites/${file}: ${text === undefined ? "removed" : "taken from the pull request"}`);
    }
  } else {
    console.log(`Nothing is previewed: ${laid.why}.`);
    if (laid.leftTo === "nobody") {
      writeRefusal(folder, stackNames(process.env.SITEPASS_STACKS), laid.why);
      process.exitCode = 1;
    }
  }
  const { GITHUB_OUTPUT } = process.env;
  if (GITHUB_OUTPUT !== undefined) {
    writeFileSync(GITHUB_OUTPUT, `laid=${laid.ok ? "yes" : laid.leftTo}\n`, { flag: "a" });
  }
}

if (require.main === module) {
  void main();
}
