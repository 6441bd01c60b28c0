import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import pMap from "p-map";
import type { Credentials, RenderedFile } from "../collectors/collector";
import { problemText, UserError } from "../fleet/problem";
import { wouldBeCommitted } from "./rendered-folder";
import { writeSite } from "./site-folder";
import { contents, readable } from "./testing/folders";

const first: Credentials = { clientId: "id-1.access", clientSecret: "secret-1" };
const second: Credentials = { clientId: "id-2.access", clientSecret: "secret-2" };

/** A collector that holds its secrets itself. */
const bare = ({ clientId, clientSecret }: Credentials): readonly RenderedFile[] => [
  { path: "prometheus/prometheus.yml", mode: 0o644, content: "reads: prometheus/credentials\n" },
  { path: "prometheus/credentials/client_id", mode: 0o600, content: clientId },
  { path: "prometheus/credentials/client_secret", mode: 0o600, content: clientSecret },
  { path: "systemd/prometheus.service.d/sitepass.conf", mode: 0o644, content: "[Service]\n" },
  { path: "README.md", mode: 0o644, content: "# bare\n" },
];

/** The same one behind the relay. */
const relayed = ({ clientId, clientSecret }: Credentials): readonly RenderedFile[] => [
  { path: "prometheus/prometheus.yml", mode: 0o644, content: "reads: none\n" },
  { path: "relay/nginx.conf", mode: 0o644, content: "reads: relay/credentials\n" },
  { path: "relay/credentials/headers.conf", mode: 0o600, content: `${clientId} ${clientSecret}` },
  { path: "README.md", mode: 0o644, content: "# relayed\n" },
];

let home = "";
before(() => {
  home = mkdtempSync(join(tmpdir(), "sitepass-write-"));
});
after(() => {
  rmSync(home, { recursive: true, force: true });
});

let folders = 0;
/** A path for a site's folder in a folder of its own. */
function freshPath(): string {
  folders += 1;
  return join(home, `${folders}`, "tokyo");
}

function modifiedTimes(directory: string, files: readonly RenderedFile[]): Record<string, number> {
  return Object.fromEntries(files.map(({ path }) => [path, lstatSync(join(directory, path)).mtimeMs]));
}

const refusal = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.problems.map(problemText);
  }
  return [];
};

describe("writeSite", () => {
  it("writes whole folders that only their owner can enter, and secrets as a set behind one link", () => {
    const directory = freshPath();
    const umask = process.umask(0);
    let result;
    try {
      mkdirSync(dirname(directory));
      chmodSync(dirname(directory), 0o755);
      result = writeSite(directory, "tokyo", bare(first));
    } finally {
      process.umask(umask);
    }
    assert.deepEqual(result, {
      written: bare(first)
        .map(({ path }) => path)
        .sort(),
      unchanged: [],
      removed: [],
    });
    const manifest = `{
  "about": "What sitepass has made here, and may replace and remove. It touches nothing else in this folder.",
  "site": "tokyo",
  "files": [
    "README.md",
    "prometheus/credentials/client_id",
    "prometheus/credentials/client_secret",
    "prometheus/prometheus.yml",
    "systemd/prometheus.service.d/sitepass.conf"
  ]
}
`;
    assert.equal((lstatSync(directory).mode & 0o777).toString(8), "700");
    assert.deepEqual(contents(directory), {
      ".sitepass.json": `644 ${manifest}`,
      "README.md": "644 # bare\n",
      prometheus: "700",
      "prometheus/credentials": "700",
      "prometheus/credentials/..data": "-> ..set",
      "prometheus/credentials/..set": "700",
      "prometheus/credentials/..set/client_id": "600 id-1.access",
      "prometheus/credentials/..set/client_secret": "600 secret-1",
      "prometheus/credentials/client_id": "-> ..data/client_id",
      "prometheus/credentials/client_secret": "-> ..data/client_secret",
      "prometheus/prometheus.yml": "644 reads: prometheus/credentials\n",
      systemd: "700",
      "systemd/prometheus.service.d": "700",
      "systemd/prometheus.service.d/sitepass.conf": "644 [Service]\n",
    });
  });

  it("changes nothing at all when it is run again", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    const times = modifiedTimes(directory, bare(first));
    const changes: string[] = [];
    assert.deepEqual(
      writeSite(directory, "tokyo", bare(first), (change) => changes.push(change)),
      {
        written: [],
        unchanged: bare(first)
          .map(({ path }) => path)
          .sort(),
        removed: [],
      },
    );
    assert.deepEqual(changes, []);
    assert.deepEqual(modifiedTimes(directory, bare(first)), times);
  });

  it("replaces exactly the secret files after a rotation, with one link put in place last", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    const plain = bare(first).filter(({ mode }) => mode !== 0o600);
    const times = modifiedTimes(directory, plain);
    const changes: string[] = [];
    const rotated = { ...first, clientSecret: "secret-2" };
    const result = writeSite(directory, "tokyo", bare(rotated), (change) => changes.push(change));
    assert.deepEqual(result, {
      written: ["prometheus/credentials/client_id", "prometheus/credentials/client_secret"],
      unchanged: plain.map(({ path }) => path).sort(),
      removed: [],
    });
    assert.deepEqual(
      changes.map((change) => change.replace(/\.\.\d{4}_[\d_]+\.\w*/, "..set")),
      [
        "make folder ..set*",
        "open client_id",
        "write client_id",
        "put client_id in place",
        "open client_secret",
        "write client_secret",
        "put client_secret in place",
        "make link ..data",
        "put link ..data in place",
        "remove ..set and all in it",
      ],
    );
    assert.deepEqual(modifiedTimes(directory, plain), times);
    assert.equal(readable(join(directory, "prometheus/credentials/client_secret")), "secret-2");
  });

  it("removes what a former rendering made, and nothing that a person put there", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    writeFileSync(join(directory, "systemd/notes.txt"), "mine");
    writeFileSync(join(directory, "prometheus/credentials/.keep"), "mine");
    writeFileSync(join(directory, "TODO"), "mine");
    assert.deepEqual(writeSite(directory, "tokyo", relayed(first)).removed, [
      "prometheus/credentials/client_id",
      "prometheus/credentials/client_secret",
      "systemd/prometheus.service.d/sitepass.conf",
    ]);
    const { ".sitepass.json": manifest, ...others } = contents(directory);
    assert.doesNotMatch(manifest ?? "", /client_id|sitepass\.conf/);
    assert.deepEqual(others, {
      "README.md": "644 # relayed\n",
      TODO: others.TODO,
      prometheus: "700",
      "prometheus/credentials": "700",
      "prometheus/credentials/.keep": others["prometheus/credentials/.keep"],
      "prometheus/prometheus.yml": "644 reads: none\n",
      relay: "700",
      "relay/credentials": "700",
      "relay/credentials/..data": "-> ..set",
      "relay/credentials/..set": "700",
      "relay/credentials/..set/headers.conf": "600 id-1.access secret-1",
      "relay/credentials/headers.conf": "-> ..data/headers.conf",
      "relay/nginx.conf": "644 reads: relay/credentials\n",
      systemd: "700",
      "systemd/notes.txt": others["systemd/notes.txt"],
    });
  });

  it("takes modes back that were opened, without touching bytes", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    const clean = contents(directory);
    chmodSync(directory, 0o755);
    chmodSync(join(directory, "prometheus"), 0o755);
    chmodSync(join(directory, "README.md"), 0o666);
    chmodSync(join(directory, "prometheus/credentials/client_secret"), 0o644);
    writeSite(directory, "tokyo", bare(first));
    assert.equal(lstatSync(directory).mode & 0o777, 0o700);
    assert.deepEqual(contents(directory), clean);
  });

  it("makes sets again of a copy that followed the links, and never shows a mixed one meanwhile", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(second));
    const clean = contents(directory);
    const copy = join(dirname(directory), "copy", "tokyo");
    rmSync(directory, { recursive: true });
    writeSite(directory, "tokyo", bare(first));
    cpSync(directory, copy, { recursive: true, dereference: true });
    assert.equal(lstatSync(join(copy, "prometheus/credentials/..data")).isDirectory(), true);
    writeSite(copy, "tokyo", bare(second), () => {
      assertWhole(copy, [bare(first), bare(second)]);
    });
    assert.deepEqual(contents(copy), clean);
  });

  it("refuses rendered files that break the layout", () => {
    for (const [path, mode] of [
      ["../x", 0o644],
      ["/etc/x", 0o644],
      [".hidden", 0o644],
      ["a/.././x", 0o644],
      ["prometheus/client_secret", 0o600],
      ["prometheus/credentials/client_secret", 0o644],
    ] as const) {
      assert.throws(
        () => writeSite(freshPath(), "tokyo", [{ path, mode, content: "" }]),
        new Error(`${path} (mode ${mode.toString(8)}) is not a path for a rendered file.`),
      );
    }
  });
});

describe("a folder that is not ours to write to", () => {
  it("is refused when it holds files and no manifest", () => {
    const directory = freshPath();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "thesis.tex"), "");
    assert.deepEqual(
      refusal(() => writeSite(directory, "tokyo", bare(first))),
      [
        `${directory}: holds thesis.tex, and no .sitepass.json says that sitepass made this folder. Empty it, or name another place with --out.`,
      ],
    );
    assert.deepEqual(readdirSync(directory), ["thesis.tex"]);
  });

  it("is taken when it is empty", () => {
    const directory = freshPath();
    mkdirSync(directory, { recursive: true });
    assert.equal(writeSite(directory, "tokyo", bare(first)).written.length, 5);
  });

  it("is refused when it is another site's", () => {
    const directory = freshPath();
    writeSite(directory, "osaka", bare(first));
    const clean = contents(directory);
    assert.deepEqual(
      refusal(() => writeSite(directory, "tokyo", bare(second))),
      [`${directory}: holds the files of site osaka. Move it away, or name another place with --out.`],
    );
    assert.deepEqual(contents(directory), clean);
  });

  it("is refused when its manifest was changed, as to a path outside", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    for (const text of ["", "{}", JSON.stringify({ about: "", site: "tokyo", files: ["../../precious"] })]) {
      writeFileSync(join(directory, ".sitepass.json"), text);
      assert.deepEqual(
        refusal(() => writeSite(directory, "tokyo", bare(second))),
        [
          `${directory}/.sitepass.json: is not as sitepass wrote it. Restore it, or move the folder away and render again.`,
        ],
      );
    }
  });

  it("is refused when it is a link, and when a link in it leads elsewhere", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    const elsewhere = join(dirname(directory), "elsewhere");
    renameSync(join(directory, "prometheus"), elsewhere);
    symlinkSync(elsewhere, join(directory, "prometheus"));
    const clean = contents(elsewhere);
    for (const files of [bare(second), []]) {
      assert.deepEqual(
        refusal(() => writeSite(directory, "tokyo", files)),
        [
          `${directory}/prometheus: is a link, and rendered files are neither written nor removed through one. Move it away.`,
        ],
      );
    }
    const link = join(dirname(directory), "link");
    symlinkSync(directory, link);
    assert.deepEqual(
      refusal(() => writeSite(link, "tokyo", bare(second))),
      [
        `${link}: is not a folder, and the files of site tokyo go into one. Move it away, or name another place with --out.`,
      ],
    );
    assert.deepEqual(contents(elsewhere), clean);
  });

  it("replaces a link in a file's place, not the file that it leads to", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    const precious = join(dirname(directory), "precious");
    writeFileSync(precious, "precious");
    rmSync(join(directory, "README.md"));
    symlinkSync(precious, join(directory, "README.md"));
    assert.deepEqual(writeSite(directory, "tokyo", bare(first)).written, ["README.md"]);
    assert.equal(readable(precious), "precious");
    assert.equal(lstatSync(join(directory, "README.md")).isFile(), true);
  });

  it("is refused when a person's file is in the way", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    mkdirSync(join(directory, "relay"));
    writeFileSync(join(directory, "relay/nginx.conf"), "mine");
    rmSync(join(directory, "README.md"));
    mkdirSync(join(directory, "README.md"));
    assert.deepEqual(
      refusal(() => writeSite(directory, "tokyo", relayed(first))),
      [
        `${directory}/relay/nginx.conf: was not made by sitepass, and a rendered file belongs there. Move it away.`,
        `${directory}/README.md: was not made by sitepass, and a rendered file belongs there. Move it away.`,
      ],
    );
    assert.equal(readable(join(directory, "relay/nginx.conf")), "mine");
  });

  it(
    "fails at once where no folder can be made",
    { skip: existsSync("/proc/self") ? false : "there is no /proc here" },
    () => {
      assert.throws(() => writeSite("/proc/sitepass/tokyo", "tokyo", bare(first)), { code: "ENOENT" });
    },
  );

  it("is refused when everybody may change the folder above, unless that is sticky", () => {
    const directory = freshPath();
    mkdirSync(dirname(directory));
    chmodSync(dirname(directory), 0o777);
    assert.deepEqual(
      refusal(() => writeSite(directory, "tokyo", bare(first))),
      [
        `${dirname(directory)}: can be changed by every user of this machine. Run \`chmod o-w\` on it, or name another folder with --out.`,
      ],
    );
    chmodSync(dirname(directory), 0o1777);
    assert.equal(writeSite(directory, "tokyo", bare(first)).written.length, 5);
  });

  it(
    "is refused when it belongs to another user",
    { skip: process.getuid?.() === 0 ? false : "only root can give a folder away" },
    () => {
      const directory = freshPath();
      writeSite(directory, "tokyo", bare(first));
      chownSync(directory, 4321, 0);
      assert.deepEqual(
        refusal(() => writeSite(directory, "tokyo", bare(second))),
        [
          `${directory}: belongs to user 4321, and this is user 0. Render as its owner, or name another place with --out.`,
        ],
      );
    },
  );
});

/** Ends the process at the n-th change, as a power cut would. */
function writeAndDie(
  directory: string,
  files: readonly RenderedFile[],
  change: number,
): Promise<NodeJS.Signals | null> {
  const program = `
    const { writeSite } = require(${JSON.stringify(join(__dirname, "site-folder.ts"))});
    let left = ${change};
    writeSite(${JSON.stringify(directory)}, "tokyo", ${JSON.stringify(files)}, () => {
      left -= 1;
      if (left === 0) process.kill(process.pid, "SIGKILL");
    });`;
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--require", join(__dirname, "..", "bin", "load-typescript.cjs"), "--eval", program],
      {
        stdio: ["ignore", "inherit", "inherit"],
      },
    );
    child.on("error", reject);
    child.on("exit", (_code, signal) => {
      resolve(signal);
    });
  });
}

/** What any reader finds at any time: whole files of one rendering or another, and secrets that belong together. */
function assertWhole(directory: string, renderings: readonly (readonly RenderedFile[])[]): void {
  for (const { path } of renderings.flat()) {
    const found = readable(join(directory, path));
    const neighbours = (files: readonly RenderedFile[]) =>
      files.filter(
        (file) => file.path === path || (file.mode === 0o600 && dirname(file.path) === dirname(path)),
      );
    assert.ok(
      // What is missing makes collectors try again.
      renderings.some((files) =>
        neighbours(files).every(({ path: name, content }) =>
          [undefined, content].includes(readable(join(directory, name))),
        ),
      ),
      `${path} is "${found ?? ""}", which is of no rendering, or does not go with its neighbours`,
    );
  }
}

/** No configuration names secrets that are not there. */
function assertNamedIsThere(directory: string, files: readonly RenderedFile[]): void {
  for (const { path } of files) {
    const named = /reads: (\S+\/credentials)/.exec(readable(join(directory, path)) ?? "")?.[1];
    for (const secret of files.filter((file) => dirname(file.path) === named)) {
      assert.notEqual(readable(join(directory, secret.path)), undefined, `${path} names ${secret.path}`);
    }
  }
}

describe("a rendering that is cut short", () => {
  const cases = [
    { name: "of a new folder", from: undefined, to: bare(first) },
    { name: "after a token was replaced", from: bare(first), to: bare(second) },
    { name: "that brings the relay in", from: bare(first), to: relayed(second) },
    { name: "that takes the relay away", from: relayed(first), to: bare(second) },
  ];
  for (const { name, from, to } of cases) {
    it(`${name} leaves matching secrets and whole files at every change, and the next one finishes it`, () => {
      const directory = freshPath();
      const renderings = [...(from === undefined ? [] : [from]), to];
      if (from !== undefined) {
        writeSite(directory, "tokyo", from);
      }
      // What a process that is killed at this change leaves; the next test shows that it is the same.
      const snapshots: string[] = [];
      writeSite(directory, "tokyo", to, () => {
        const snapshot = freshPath();
        snapshots.push(snapshot);
        if (existsSync(directory)) {
          cpSync(directory, snapshot, { recursive: true, verbatimSymlinks: true });
        }
      });
      const clean = contents(directory);
      assert.ok(snapshots.length >= 10);
      for (const [index, snapshot] of snapshots.entries()) {
        if (existsSync(snapshot)) {
          assertWhole(snapshot, renderings);
          assertNamedIsThere(snapshot, renderings.flat());
        }
        writeSite(snapshot, "tokyo", to);
        assert.deepEqual(contents(snapshot), clean, `after change ${index}`);
      }
    });
  }

  it("by SIGKILL after a rotation leaves the old pair or the new one at every change", async () => {
    const template = freshPath();
    writeSite(template, "tokyo", bare(first));
    const clean = freshPath();
    writeSite(clean, "tokyo", bare(second));
    const found = await pMap(
      Array.from({ length: 11 }, (_, index) => index + 1),
      async (change) => {
        const directory = freshPath();
        cpSync(template, directory, { recursive: true, verbatimSymlinks: true });
        const signal = await writeAndDie(directory, bare(second), change);
        assertWhole(directory, [bare(first), bare(second)]);
        const secret = readable(join(directory, "prometheus/credentials/client_secret"));
        writeSite(directory, "tokyo", bare(second));
        assert.deepEqual(contents(directory), contents(clean), `after change ${change}`);
        return `${signal ?? "done"}: ${secret ?? ""}`;
      },
      { concurrency: 2 },
    );
    assert.deepEqual(found, [
      ...Array<string>(9).fill("SIGKILL: secret-1"),
      // Only the old set was still to be removed.
      "SIGKILL: secret-2",
      "done: secret-2",
    ]);
  });
});

describe("two renderings at once", () => {
  it("are not possible: the second is refused and changes nothing", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    let refused = 0;
    writeSite(directory, "tokyo", bare(second), () => {
      const before = contents(directory);
      assert.deepEqual(
        refusal(() => writeSite(directory, "tokyo", relayed(second))),
        [
          `${directory}/.sitepass.lock: process ${process.pid} on ${hostname()} is writing this folder. Wait until it is done; if there is no such process, delete this link.`,
        ],
      );
      assert.deepEqual(contents(directory), before);
      refused += 1;
    });
    assert.equal(refused, 10);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes("lock")),
      [],
    );
  });

  it("of which one runs on another machine, or nobody knows where, wait for a person", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    symlinkSync("123@elsewhere", join(directory, ".sitepass.lock"));
    assert.deepEqual(
      refusal(() => writeSite(directory, "tokyo", bare(second))),
      [
        `${directory}/.sitepass.lock: process 123 on elsewhere is writing this folder. Wait until it is done; if there is no such process, delete this link.`,
      ],
    );
    rmSync(join(directory, ".sitepass.lock"));
    writeFileSync(join(directory, ".sitepass.lock"), "");
    assert.deepEqual(
      refusal(() => writeSite(directory, "tokyo", bare(second))),
      [`${directory}/.sitepass.lock: is in the way of the lock, which is a link. Delete it.`],
    );
  });

  it("are not seen in a lock that a namesake of this process has left", () => {
    const directory = freshPath();
    writeSite(directory, "tokyo", bare(first));
    symlinkSync(`${process.pid}@${hostname()}`, join(directory, ".sitepass.lock"));
    assert.equal(writeSite(directory, "tokyo", bare(second)).written.length, 2);
  });
});

const git = spawnSync("git", ["--version"]).error === undefined ? {} : { skip: "git is not installed" };

describe("wouldBeCommitted", () => {
  it("asks git about folders in a work tree, whether they exist or not", git, () => {
    const home = mkdtempSync(join(tmpdir(), "sitepass-git-"));
    try {
      const tree = join(home, "tree");
      execFileSync("git", ["init", "--quiet", tree]);
      writeFileSync(join(tree, ".gitignore"), "rendered/\n");
      mkdirSync(join(tree, "made"));
      mkdirSync(join(home, "elsewhere"));
      symlinkSync(join(tree, "made"), join(home, "link"));
      symlinkSync(join(home, "elsewhere"), join(tree, "out"));
      assert.deepEqual(
        Object.fromEntries(
          [
            "tree/rendered",
            "tree/rendered/deep",
            "tree/made",
            "tree/new/deep",
            "tree",
            "elsewhere",
            "link/x",
            "tree/out",
          ].map((path) => [path, wouldBeCommitted(join(home, path))]),
        ),
        {
          "tree/rendered": false,
          "tree/rendered/deep": false,
          "tree/made": true,
          "tree/new/deep": true,
          tree: true,
          elsewhere: false,
          "link/x": true,
          "tree/out": false,
        },
      );
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
