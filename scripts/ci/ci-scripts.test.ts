import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { commentMarker, commentText, isHead, markOutdated, putComment } from "./comment";
import { dailyCheckNames } from "./daily-checks";
import { findOwn, openGitHub, type GitHub } from "./github";
import { alarmsIn, issueMarker, issueText, keepIssue, planIssue } from "./issue";
import { siteChangesInGit } from "./gitlab";
import { laySites, readSiteChanges, writeRefusal } from "./lay-sites";
import { outdatedRefusal } from "./newest";
import {
  block,
  readResults,
  run,
  stackNames,
  withoutSecrets,
  writeResult,
  type StackResult,
} from "./results";

const head = "0123456789abcdef0123456789abcdef01234567";

/** GitHub with answers by method and path; what it was asked to write is kept. */
function gitHub(answers: Readonly<Record<string, unknown>>) {
  const written: { readonly what: string; readonly body: unknown }[] = [];
  const github: GitHub = {
    ask: (method, path, body) => {
      if (method !== "GET") {
        written.push({ what: `${method} ${path}`, body });
        return Promise.resolve({});
      }
      const answer = answers[path];
      return answer === undefined
        ? Promise.reject(new Error(`no answer to ${path}`))
        : Promise.resolve(answer);
    },
    list: (path) => Promise.resolve((answers[path] ?? []) as readonly unknown[]),
  };
  return { github, written };
}

interface Entry {
  readonly path: string;
  readonly mode?: string;
  readonly size?: number;
  readonly text?: string | Buffer;
}

/** A pull request as GitHub tells of it. */
const pullRequest = (
  files: readonly object[],
  entries: readonly Entry[],
  heads: readonly string[] = [head],
) => {
  const { github } = gitHub({
    "/pulls/7/files": files,
    [`/git/commits/${head}`]: { tree: { sha: "root" } },
    "/git/trees/root": { tree: [{ path: "sites", mode: "040000", sha: "sites" }] },
    "/git/trees/sites": {
      tree: entries.map(({ path, mode = "100644", size = 10 }) => ({ path, mode, size, sha: path })),
    },
    ...Object.fromEntries(
      entries.map(({ path, text = "" }) => [
        `/git/blobs/${path}`,
        { encoding: "base64", content: Buffer.from(text).toString("base64") },
      ]),
    ),
  });
  let asked = 0;
  return {
    ...github,
    ask: (method: "GET" | "POST" | "PATCH", path: string) => {
      if (path !== "/pulls/7") {
        return github.ask(method, path);
      }
      asked += 1;
      return Promise.resolve({ head: { sha: heads[Math.min(asked, heads.length) - 1] } });
    },
  } satisfies GitHub;
};

const changed = (filename: string, more: object = {}) => ({ filename, status: "modified", ...more });

describe("sites of a pull request", () => {
  it("are taken as text: added, changed, renamed and removed", async () => {
    const github = pullRequest(
      [
        changed("sites/tokyo.yaml", { status: "added" }),
        changed("sites/kyoto.yml", { status: "renamed", previous_filename: "sites/nara.yaml" }),
        changed("sites/osaka.yaml", { status: "removed" }),
      ],
      [
        { path: "tokyo.yaml", text: "labels: { region: apac }\n" },
        { path: "kyoto.yml", text: "" },
        { path: "untouched.yaml", text: "signals: []" },
      ],
    );
    const laid = await readSiteChanges(github, 7, head);
    assert.deepEqual(laid, {
      ok: true,
      changes: [
        { file: "tokyo.yaml", text: "labels: { region: apac }\n" },
        { file: "kyoto.yml", text: "" },
        { file: "nara.yaml", text: undefined },
        { file: "osaka.yaml", text: undefined },
      ],
    });
    const folder = mkdtempSync(join(tmpdir(), "sitepass-lay-"));
    try {
      writeFileSync(join(folder, "nara.yaml"), "old");
      writeFileSync(join(folder, "untouched.yaml"), "main's");
      writeFileSync(join(folder, "elsewhere"), "not to be written");
      // As main should never have it.
      symlinkSync(join(folder, "elsewhere"), join(folder, "tokyo.yaml"));
      laySites(folder, laid.ok ? laid.changes : []);
      assert.deepEqual(readdirSync(folder).sort(), [
        "elsewhere",
        "kyoto.yml",
        "tokyo.yaml",
        "untouched.yaml",
      ]);
      assert.equal(readFileSync(join(folder, "tokyo.yaml"), "utf8"), "labels: { region: apac }\n");
      assert.equal(readFileSync(join(folder, "elsewhere"), "utf8"), "not to be written");
      assert.equal(readFileSync(join(folder, "untouched.yaml"), "utf8"), "main's");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const path of [
    "index.ts",
    "sites/tokyo.ts",
    "sites/more/tokyo.yaml",
    "sites/.hidden.yaml",
    "sites/../index.yaml",
    "sites/a\nb.yaml",
    "sites/",
    "sites.yaml",
    ".github/workflows/preview.yml",
  ]) {
    it(`are refused together with ${JSON.stringify(path)}`, async () => {
      for (const files of [
        [changed("sites/tokyo.yaml"), changed(path)],
        [changed("sites/tokyo.yaml", { status: "renamed", previous_filename: path })],
      ]) {
        const laid = await readSiteChanges(pullRequest(files, [{ path: "tokyo.yaml" }]), 7, head);
        assert.ok(!laid.ok);
        assert.match(laid.why, /^more is changed than site files \("/);
      }
    });
  }

  // When this fails: a file in a folder of sites/ starts no other preview, and the comment on the commit before would be read as
  // that on this one.
  it("are left to the preview of code where that one runs, and to nobody where it does not", async () => {
    const site = changed("sites/tokyo.yaml");
    const many = Array.from({ length: 300 }, (_, index) => changed(`sites/site-${index}.yaml`));
    for (const [files, leftTo] of [
      [[site, changed("stack/open-stack.ts")], "code"],
      [[site, changed("sites/more/tokyo.yaml")], "nobody"],
      [[site, changed("sites/tokyo.ts")], "nobody"],
      [[changed("sites/tokyo.yaml", { status: "renamed", previous_filename: "tokyo.yaml" })], "nobody"],
      // What comes behind the first 300 starts no workflow.
      [[...many, changed("stack/open-stack.ts")], "nobody"],
    ] as const) {
      const laid = await readSiteChanges(pullRequest(files, [{ path: "tokyo.yaml" }]), 7, head);
      assert.equal(laid.ok ? undefined : laid.leftTo, leftTo, JSON.stringify(files.at(-1)));
    }
  });

  it("are refused where they are not UTF-8, which no reading gives back", async () => {
    const bytes = Buffer.from("description: caf\u00e9\n", "latin1");
    const laid = await readSiteChanges(
      pullRequest([changed("sites/tokyo.yaml")], [{ path: "tokyo.yaml", text: bytes }]),
      7,
      head,
    );
    assert.deepEqual(laid, { ok: false, why: "sites/tokyo.yaml is not UTF-8", leftTo: "nobody" });
  });

  const refused: readonly (readonly [string, Entry, RegExp])[] = [
    [
      "a link",
      { path: "tokyo.yaml", mode: "120000" },
      /is not a regular file \(mode 120000\), and links are not followed/,
    ],
    ["a submodule", { path: "tokyo.yaml", mode: "160000" }, /mode 160000/],
    ["an executable", { path: "tokyo.yaml", mode: "100755" }, /mode 100755/],
    [
      "a huge file",
      { path: "tokyo.yaml", size: 65_537 },
      /has 65537 bytes, and a site file has at most 65536/,
    ],
  ];
  for (const [what, entry, why] of refused) {
    it(`are refused with ${what}`, async () => {
      const laid = await readSiteChanges(pullRequest([changed("sites/tokyo.yaml")], [entry]), 7, head);
      assert.ok(!laid.ok);
      assert.match(laid.why, why);
    });
  }

  it("are of the commit that was asked for, or of none", async () => {
    for (const heads of [["f".repeat(40)], [head, "f".repeat(40)]]) {
      const laid = await readSiteChanges(
        pullRequest([changed("sites/tokyo.yaml")], [{ path: "tokyo.yaml" }], heads),
        7,
        head,
      );
      assert.ok(!laid.ok);
      assert.match(laid.why, /has moved on from 0123456789/);
    }
  });
});

describe("sites of a merge request in git", () => {
  it("are those that it changes since it left main, as text, and nothing else is taken", () => {
    const folder = mkdtempSync(join(tmpdir(), "sitepass-git-"));
    const git = (...args: readonly string[]) => {
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
        cwd: folder,
        stdio: "pipe",
      });
    };
    const commit = (message: string) => {
      git("add", "-A");
      git("commit", "-qm", message);
    };
    try {
      git("init", "-q", "-b", "main");
      mkdirSync(join(folder, "sites"));
      writeFileSync(join(folder, "sites", "osaka.yaml"), "");
      commit("start");
      git("checkout", "-qb", "change");
      rmSync(join(folder, "sites", "osaka.yaml"));
      writeFileSync(join(folder, "sites", "tokyo.yaml"), "labels: {}\n");
      commit("sites");
      git("checkout", "-q", "main");
      writeFileSync(join(folder, "sites", "later.yaml"), "");
      commit("meanwhile");
      assert.deepEqual(siteChangesInGit(folder, "change"), {
        ok: true,
        changes: [
          { file: "osaka.yaml", text: undefined },
          { file: "tokyo.yaml", text: "labels: {}\n" },
        ],
      });
      git("checkout", "-q", "change");
      symlinkSync("/etc/passwd", join(folder, "sites", "link.yaml"));
      commit("a link");
      git("checkout", "-q", "main");
      assert.deepEqual(siteChangesInGit(folder, "change"), {
        ok: false,
        why: "sites/link.yaml is not a regular file (mode 120000), and links are not followed",
        leftTo: "nobody",
      });
      git("checkout", "-q", "change");
      rmSync(join(folder, "sites", "link.yaml"));
      writeFileSync(join(folder, "sites", "paris.yaml"), Buffer.from("# caf\u00e9", "latin1"));
      commit("another encoding");
      git("checkout", "-q", "main");
      assert.deepEqual(siteChangesInGit(folder, "change"), {
        ok: false,
        why: "sites/paris.yaml is not UTF-8",
        leftTo: "nobody",
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const result = (stack: string, title: string, exitCode = 0, text = "nothing to say"): StackResult => ({
  stack,
  title,
  exitCode,
  text,
});
const page = "https://github.com/acme/fleet/actions/runs/1";
const bot = { login: "github-actions[bot]" };

describe("the comment of a preview", () => {
  it("has every stack, also one that nothing came of", () => {
    const text = commentText({
      head,
      stacks: ["eu", "us", "apac"],
      results: [result("eu", "preview"), result("us", "preview", 255, "[mandatory] push-answer-401")],
      page,
    });
    assert.ok(text.startsWith(commentMarker));
    assert.match(text, /### `eu`: previewed/);
    assert.match(text, /### `us`: refused[^]*<details open>[^]*push-answer-401/);
    assert.match(text, /### `apac`: no preview\n\nIt was not made/);
  });

  it("stays below GitHub's limit, with the beginning and the end of each stack's text", () => {
    for (const count of [1, 3, 20]) {
      const stacks = Array.from({ length: count }, (_, index) => `stack-${index}`);
      const long = `first line\n${"+ create something\n".repeat(20_000)}last line`;
      const text = commentText({
        head,
        stacks,
        results: stacks.map((stack) => result(stack, "preview", 0, long)),
        page,
      });
      assert.ok(text.length < 65_536, String(text.length));
      assert.equal([...text.matchAll(/first line/g)].length, count);
      assert.equal([...text.matchAll(/last line/g)].length, count);
      assert.match(text, /characters are left out here; the run has them/);
    }
  });

  it("cannot be broken out of by what a site file says", () => {
    const text = block("a\n```\n@everyone <img>\n``````\nb", 1000);
    assert.match(text, /^```````text\n[^]*\n```````$/);
  });

  it("says how many are deleted where it is seen, and hides no line by letters that are not seen", () => {
    const text = commentText({
      head,
      stacks: ["eu"],
      results: [
        result(
          "eu",
          "preview",
          0,
          "a\u202eb\u200bc\u001b[2K\r\n\td\nResources:\n    + 2 to create\n    - 1 to delete\n    +-1 to replace\n    4 changes. 27 unchanged\n",
        ),
      ],
      page,
    });
    assert.match(
      text,
      /previewed\n\n`\+ 2 to create`, `- 1 to delete`, `\+-1 to replace`, `4 changes\. 27 unchanged`\n\n<details>/,
    );
    assert.match(text, /\nabc\[2K\n\td\n/);
  });

  it("is one, found by its marker at the start and by who wrote it", async () => {
    const comments = [
      { id: 1, body: `${commentMarker} of a stranger`, user: { login: "mallory" } },
      { id: 2, body: `quotes ${commentMarker}`, user: bot },
      { id: 3, body: `${commentMarker}\n\nold`, user: bot },
    ];
    assert.equal(findOwn(comments, commentMarker)?.id, 3);
    const first = gitHub({ "/issues/7/comments": comments.slice(0, 2) });
    await putComment(first.github, 7, "new");
    assert.deepEqual(first.written, [{ what: "POST /issues/7/comments", body: { body: "new" } }]);
    const again = gitHub({ "/issues/7/comments": comments });
    await putComment(again.github, 7, "new");
    assert.deepEqual(again.written, [{ what: "PATCH /issues/comments/3", body: { body: "new" } }]);
  });

  it("does not stand for a commit that nobody has previewed", async () => {
    const text = (of: string) => commentText({ head: of, stacks: ["eu"], results: [], page });
    const commented = (body: string) =>
      gitHub({ "/issues/7/comments": [{ id: 3, body, user: bot }], "/pulls/7": { head: { sha: head } } });
    const older = commented(text("f".repeat(40)));
    await markOutdated(older.github, 7, head);
    assert.equal(older.written.length, 1);
    assert.match(
      JSON.stringify(older.written),
      /PATCH \/issues\/comments\/3.*There is no preview with 0123456789ab yet/,
    );
    for (const { github, written } of [commented(text(head)), gitHub({})]) {
      await markOutdated(github, 7, head);
      assert.deepEqual(written, []);
    }
    assert.equal(await isHead(older.github, 7, head), true);
    assert.equal(await isHead(older.github, 7, "f".repeat(40)), false);
  });
});

describe("what is shown of a run", () => {
  it("has no secret in it", () => {
    const environment = {
      CLOUDFLARE_API_TOKEN: "v1.0-abcdefgh",
      PULUMI_CONFIG_PASSPHRASE: "correct horse",
      AWS_SECRET_ACCESS_KEY: "aws/secret",
      SHORT_TOKEN: "a",
      HOME: "/home/runner",
      GOOGLE_CREDENTIALS: "{ google }",
    };
    const text = [
      "v1.0-abcdefgh and correct horse and aws/secret in /home/runner",
      "cfast_0123456789abcdef0123456789abcdef0123",
      "f".repeat(64),
      `eyJ${"h".repeat(100)}`,
      "{ google } at postgres://me:pass@db.example.com/state, not https://example.com/a:b@c",
    ].join("\n");
    assert.equal(
      withoutSecrets(text, environment),
      "[secret] and [secret] and [secret] in /home/runner\n[secret]\n[secret]\n[secret]\n[secret] at postgres://me:[secret]@db.example.com/state, not https://example.com/a:b@c",
    );
  });

  it("has no secret in quotes, in an address, or in single lines either", () => {
    const environment = {
      PULUMI_CONFIG_PASSPHRASE: 'correct "horse"/2',
      GOOGLE_CREDENTIALS: '{\n  "private_key": "0123456789"\n}',
    };
    assert.equal(
      withoutSecrets(
        String.raw`"correct \"horse\"/2" at s3://x?p=correct%20%22horse%22%2F2 with   "private_key": "0123456789"`,
        environment,
      ),
      '"[secret]" at s3://x?p=[secret] with [secret]',
    );
  });

  it("is kept with its exit code, and a program that is not there is a failure too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sitepass-results-"));
    try {
      const ended = await run("acme/fleet/eu", "preview", [
        "sh",
        "-c",
        "echo said; echo complained >&2; exit 3",
      ]);
      assert.equal(ended.exitCode, 3);
      assert.match(ended.text, /said/);
      writeResult(folder, ended);
      writeResult(folder, await run("us", "preview", ["no-such-program-here"]));
      writeFileSync(join(folder, "half.json"), '{"stack":"eu"');
      mkdirSync(join(folder, "folder.json"));
      symlinkSync(join(folder, "nowhere"), join(folder, "link.json"));
      assert.deepEqual(
        readResults(folder).map(({ stack, exitCode }) => [stack, exitCode]),
        [
          ["acme/fleet/eu", 3],
          ["us", 127],
        ],
      );
      assert.deepEqual(readResults(join(folder, "absent")), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is why nothing was previewed, where that is so", () => {
    const folder = mkdtempSync(join(tmpdir(), "sitepass-results-"));
    try {
      writeRefusal(folder, ["eu", "us"], "sites/tokyo.yaml is not UTF-8");
      const text = commentText({ head, stacks: ["eu", "us"], results: readResults(folder), page });
      assert.equal([...text.matchAll(/: refused\n\n<details open>[^]*?is not UTF-8\./g)].length, 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is of the stacks that are named, and of nothing that could be an option or a path", () => {
    assert.deepEqual(stackNames('["prod", "acme/fleet/eu"]'), ["prod", "acme/fleet/eu"]);
    for (const text of [undefined, "", "prod", "[]", '["a b"]', '["../x/y/z"]', "[1]"]) {
      assert.throws(
        () => stackNames(text),
        /SITEPASS_STACKS: is .*, which is not a JSON list of stack names/,
      );
    }
  });
});

const well = dailyCheckNames.map((title) => result("prod", title));

describe("the issue of the daily run", () => {
  it("is about every check that failed, and every one of which nothing came back", () => {
    assert.deepEqual(alarmsIn(["prod"], well), []);
    assert.deepEqual(
      alarmsIn(["prod", "eu"], [...well, result("eu", "renew"), result("eu", "drift", 255)]).map(
        ({ stack, title, exitCode }) => [stack, title, exitCode],
      ),
      [
        ["eu", "status", undefined],
        ["eu", "drift", 255],
      ],
    );
    assert.equal(alarmsIn(["prod"], []).length, dailyCheckNames.length);
  });

  it("is opened, brought up to date, and closed", () => {
    const bad = alarmsIn(
      ["prod"],
      [...well.slice(0, 2), result("prod", "drift", 255, "~ DnsRecord metrics")],
    );
    const opened = planIssue(undefined, bad, page);
    assert.ok(opened.step === "open");
    assert.ok(opened.body.startsWith(issueMarker));
    assert.match(opened.body, /### `prod`: drift \(exit code 255\)[^]*~ DnsRecord metrics/);
    const open = { id: 1, number: 12, body: opened.body };
    const same = planIssue(open, bad, `${page}2`);
    assert.ok(same.step === "update");
    assert.equal(same.comment, undefined);
    const worse = planIssue(open, alarmsIn(["prod"], [result("prod", "drift", 255)]), page);
    assert.ok(worse.step === "update");
    assert.match(
      worse.comment ?? "",
      /Something else is wrong than before: `prod` renew, `prod` status, `prod` drift/,
    );
    assert.equal(planIssue(open, [], page).step, "close");
    assert.equal(planIssue(undefined, [], page).step, "nothing");
  });

  it("stays below GitHub's limit with many alarms", () => {
    const stacks = Array.from({ length: 20 }, (_, index) => `stack-${index}`);
    const results = stacks.flatMap((stack) =>
      dailyCheckNames.map((title) => result(stack, title, 1, "x".repeat(50_000))),
    );
    assert.ok(issueText(alarmsIn(stacks, results), page).length < 65_536);
  });

  it("is found by its label, and each step is what GitHub is asked for", async () => {
    const path = "/issues?state=open&labels=sitepass-daily";
    const bad = alarmsIn(["prod"], []);
    const none = gitHub({ [path]: [] });
    await keepIssue(none.github, bad, page);
    assert.deepEqual(
      none.written.map(({ what }) => what),
      ["POST /issues"],
    );
    const one = { id: 5, number: 12, body: issueMarker, user: bot };
    const there = gitHub({ [path]: [{ ...one, number: 3, user: { login: "mallory" } }, one] });
    await keepIssue(there.github, bad, page);
    await keepIssue(there.github, [], page);
    assert.deepEqual(
      there.written.map(({ what }) => what),
      ["PATCH /issues/12", "POST /issues/12/comments", "POST /issues/12/comments", "PATCH /issues/12"],
    );
    assert.deepEqual(there.written.at(-1)?.body, { state: "closed", state_reason: "completed" });
  });
});

describe("a run of main", () => {
  it("goes on from the newest commit alone: an older one would take back what came since", async () => {
    const { github } = gitHub({ "/git/ref/heads/main": { object: { sha: head } } });
    assert.equal(await outdatedRefusal(github, head), undefined);
    assert.match(
      (await outdatedRefusal(github, "f".repeat(40))) ?? "",
      /^This run is of f+, and main is at 0123456789abcdef.*Agree to the run of the newest commit/,
    );
  });
});

describe("the client of GitHub", () => {
  it("asks as the workflow, page by page, and says what GitHub says", async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method ?? ""} ${request.url ?? ""} ${request.headers.authorization ?? ""}`);
      if (request.url?.includes("/broken") === true) {
        response.writeHead(403).end("Resource not accessible by integration");
        return;
      }
      const full = request.url?.endsWith("page=1") === true;
      response.end(JSON.stringify(Array.from({ length: full ? 100 : 1 }, () => ({}))));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const github = openGitHub({
        GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        GITHUB_REPOSITORY: "acme/fleet",
        GITHUB_TOKEN: "ghs_1",
      });
      assert.equal((await github.list("/issues?state=open")).length, 101);
      assert.deepEqual(asked, [
        "GET /repos/acme/fleet/issues?state=open&per_page=100&page=1 Bearer ghs_1",
        "GET /repos/acme/fleet/issues?state=open&per_page=100&page=2 Bearer ghs_1",
      ]);
      await assert.rejects(
        github.ask("POST", "/broken", {}),
        /GitHub answered 403 to POST \/broken: Resource not accessible by integration/,
      );
    } finally {
      server.close();
    }
  });
});
