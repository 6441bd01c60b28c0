import assert from "node:assert/strict";
import {
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
import { newFileOutcome, writeNewFile } from "./write-new-file";

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-new-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

describe("writeNewFile", () => {
  it("writes a file that is not there, and leaves nothing beside it", (t) => {
    const folder = folderFor(t);
    const file = join(folder, "tokyo.yaml");
    assert.equal(newFileOutcome(file, "text\n"), "written");
    assert.equal(writeNewFile(file, "text\n"), "written");
    assert.equal(readFileSync(file, "utf8"), "text\n");
    assert.equal(statSync(file).nlink, 1);
    assert.deepEqual(readdirSync(folder), ["tokyo.yaml"]);
  });

  it("never writes over another", (t) => {
    const folder = folderFor(t);
    const file = join(folder, "tokyo.yaml");
    writeFileSync(file, "mine\n");
    assert.equal(writeNewFile(file, "yours\n"), "taken");
    assert.equal(writeNewFile(file, "mine\n"), "unchanged");
    assert.equal(readFileSync(file, "utf8"), "mine\n");
    assert.deepEqual(readdirSync(folder), ["tokyo.yaml"]);
  });

  it("takes a link that leads nowhere for a file, and says so", (t) => {
    const folder = folderFor(t);
    const file = join(folder, "tokyo.yaml");
    symlinkSync(join(folder, "nowhere"), file);
    assert.equal(newFileOutcome(file, "text\n"), "taken");
    assert.equal(writeNewFile(file, "text\n"), "taken");
    assert.deepEqual(readdirSync(folder), ["tokyo.yaml"]);
  });
});
