import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { problemText, UserError } from "../fleet/problem";
import { writeSecretFile } from "./write-secret-file";

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-secret-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

async function problemsOf(work: Promise<void>): Promise<readonly string[]> {
  try {
    await work;
    return [];
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.problems.map(problemText);
  }
}

describe("writeSecretFile", () => {
  it("writes for the owner alone, and leaves nothing else behind", async (t) => {
    const folder = folderFor(t);
    const file = join(folder, "secret");
    await writeSecretFile(file, "one\n");
    writeFileSync(join(folder, "open"), "");
    chmodSync(join(folder, "open"), 0o666);
    await writeSecretFile(join(folder, "open"), "two\n");
    for (const [name, text] of [
      ["secret", "one\n"],
      ["open", "two\n"],
    ] as const) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
      assert.equal(readFileSync(join(folder, name), "utf8"), text);
    }
    assert.deepEqual(readdirSync(folder).sort(), ["open", "secret"]);
  });

  it("follows a link, and judges the folder that it leads to", async (t) => {
    const folder = folderFor(t);
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "deep", "target"), "old");
    symlinkSync(join(folder, "deep", "target"), join(folder, "link"));
    await writeSecretFile(join(folder, "link"), "new\n");
    assert.ok(lstatSync(join(folder, "link")).isSymbolicLink());
    assert.equal(readFileSync(join(folder, "deep", "target"), "utf8"), "new\n");
    chmodSync(join(folder, "deep"), 0o777);
    assert.deepEqual(await problemsOf(writeSecretFile(join(folder, "link"), "newer\n")), [
      `${join(folder, "link")}: would lie in ${join(folder, "deep")}, where everybody may write. Name a file in a folder of your own.`,
    ]);
    assert.equal(readFileSync(join(folder, "deep", "target"), "utf8"), "new\n");
  });

  it("refuses a folder that everybody may write to, with the sticky bit too", async (t) => {
    const folder = folderFor(t);
    const file = join(folder, "secret");
    for (const mode of [0o1777, 0o702]) {
      chmodSync(folder, mode);
      assert.deepEqual(await problemsOf(writeSecretFile(file, "text\n")), [
        `${file}: would lie in ${folder}, where everybody may write. Name a file in a folder of your own.`,
      ]);
    }
    chmodSync(folder, 0o700);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("refuses what is not a file, a folder that is not there, and a link that leads nowhere", async (t) => {
    const folder = folderFor(t);
    symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
    assert.deepEqual(await problemsOf(writeSecretFile(folder, "text\n")), [
      `${folder}: is there, and no file. Name a file, or use a pipe in place of --to.`,
    ]);
    for (const name of ["none/secret", "dangling"]) {
      assert.deepEqual(await problemsOf(writeSecretFile(join(folder, name), "text\n")), [
        `${join(folder, name)}: cannot be written (no such file or directory). Make its folder first, with mode 0700, or name another file.`,
      ]);
    }
  });
});
