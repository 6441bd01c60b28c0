import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { wouldBeCommitted } from "./would-be-committed";

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
