import { problemsOf, problemText } from "../../fleet/problem";
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readSiteFiles } from "../../fleet/site-files";
import type { Site } from "../../fleet/sites";
import { testSite } from "../../fleet/testing/test-site";
import { killedBeforeStep } from "../testing/killed-writer";
import { prepareEdits, writeEdits } from "./site-file-edits";

/** A project folder with these site files, deleted when the test ends. */
function project(t: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  mkdirSync(join(directory, "sites"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, "sites", name), text);
  }
  return directory;
}

const shutOut = (...sites: readonly Site[]) =>
  sites.map((one) => ({ site: one, changes: { enabled: false } }));

describe("prepareEdits", () => {
  it("leaves links, files that may not be read, and files that say something else by now", async (t) => {
    const directory = project(t, { "moved.yaml": "token: { enabled: false }\n", "real.txt": "" });
    rmSync(join(directory, "sites", "real.txt"));
    writeFileSync(join(directory, "elsewhere.yaml"), "");
    symlinkSync("../elsewhere.yaml", join(directory, "sites", "link.yaml"));
    const { edits, problems } = await prepareEdits(
      directory,
      shutOut(testSite("gone"), testSite("link"), testSite("moved")),
    );
    assert.deepEqual(edits, []);
    assert.deepEqual(problems.map(problemText), [
      "sites/gone.yaml: cannot be read and written (no such file or directory). Make it readable and writable.",
      "sites/link.yaml: is a symbolic link. Edit the file that it leads to, or put a file in its place.",
      "sites/moved.yaml: was changed while this ran. Run it again.",
    ]);
  });

  it("leaves a file that is not UTF-8 by now: what it cannot read it would write as something else", async (t) => {
    const directory = project(t, { "a.yaml": "" });
    writeFileSync(join(directory, "sites", "a.yaml"), Buffer.from("# Z\xfcrich\n", "latin1"));
    const { edits, problems } = await prepareEdits(directory, shutOut(testSite("a")));
    assert.deepEqual(edits, []);
    assert.deepEqual(problems.map(problemText), ["sites/a.yaml: was changed while this ran. Run it again."]);
  });

  it("keeps a byte order mark in its place", async (t) => {
    const directory = project(t, { "a.yml": '\uFEFF{ "signals": ["metrics"] }' });
    const { edits } = await prepareEdits(directory, shutOut({ ...testSite("a"), file: "sites/a.yml" }));
    await writeEdits(edits);
    assert.equal(
      readFileSync(join(directory, "sites", "a.yml"), "utf8"),
      '\uFEFF{ "signals": ["metrics"], token: { enabled: false } }',
    );
  });
});

describe("writeEdits", () => {
  it("replaces the files, keeps their modes, and leaves nothing else behind", async (t) => {
    const directory = project(t, { "a.yaml": "# a\n", "b.yaml": "token: { enabled: true }\n", "c.yaml": "" });
    chmodSync(join(directory, "sites", "a.yaml"), 0o640);
    const { edits } = await prepareEdits(directory, [
      ...shutOut(testSite("a"), testSite("b")),
      { site: testSite("c"), changes: { enabled: true } },
    ]);
    assert.deepEqual(await writeEdits(edits), { written: ["sites/a.yaml", "sites/b.yaml"], problems: [] });
    assert.deepEqual(readdirSync(join(directory, "sites")), ["a.yaml", "b.yaml", "c.yaml"]);
    assert.equal(readFileSync(join(directory, "sites", "a.yaml"), "utf8"), "# a\ntoken:\n  enabled: false\n");
    assert.equal(readFileSync(join(directory, "sites", "b.yaml"), "utf8"), "token: { enabled: false }\n");
    assert.equal(statSync(join(directory, "sites", "a.yaml")).mode & 0o777, 0o640);
  });

  it("changes no file when one of them was changed since it was read", async (t) => {
    const directory = project(t, { "a.yaml": "", "b.yaml": "" });
    const { edits } = await prepareEdits(directory, shutOut(testSite("a"), testSite("b")));
    writeFileSync(join(directory, "sites", "b.yaml"), "# a colleague was here\n");
    await assert.rejects(writeEdits(edits), {
      message: ["sites/b.yaml: was changed while this ran. Run it again."].join("\n"),
    });
    assert.deepEqual(readdirSync(join(directory, "sites")), ["a.yaml", "b.yaml"]);
    assert.equal(readFileSync(join(directory, "sites", "a.yaml"), "utf8"), "");
    assert.equal(readFileSync(join(directory, "sites", "b.yaml"), "utf8"), "# a colleague was here\n");
  });

  it("leaves a file alone that is changed while others are being put in place, and says so", async (t) => {
    const directory = project(t, { "a.yaml": "", "b.yaml": "" });
    const { edits } = await prepareEdits(directory, shutOut(testSite("a"), testSite("b")));
    const { rename } = fs;
    t.mock.method(fs, "rename", async (from: string, to: string) => {
      await rename(from, to);
      writeFileSync(join(directory, "sites", "b.yaml"), "# now\n");
    });
    const { written, problems } = await writeEdits(edits);
    assert.deepEqual(written, ["sites/a.yaml"]);
    assert.deepEqual(problems.map(problemText), ["sites/b.yaml: was changed while this ran. Run it again."]);
    assert.deepEqual(readdirSync(join(directory, "sites")), ["a.yaml", "b.yaml"]);
  });

  it("writes no further file after Ctrl-C", async (t) => {
    const directory = project(t, { "a.yaml": "", "b.yaml": "" });
    const { edits } = await prepareEdits(directory, shutOut(testSite("a"), testSite("b")));
    const stopping = new AbortController();
    const { rename } = fs;
    t.mock.method(fs, "rename", async (from: string, to: string) => {
      await rename(from, to);
      stopping.abort();
    });
    const { written } = await writeEdits(edits, stopping.signal);
    assert.deepEqual(written, ["sites/a.yaml"]);
    assert.deepEqual(readdirSync(join(directory, "sites")), ["a.yaml", "b.yaml"]);
  });

  it("leaves whole files and a folder that the program reads, whenever it is killed", async (t) => {
    const names = ["a", "b"];
    const before = "# note\ntoken: { enabled: true }\n";
    const after = "# note\ntoken: { enabled: false }\n";
    const seen: string[] = [];
    for (let step = 1, killed = true; killed; step += 1) {
      const directory = project(t, Object.fromEntries(names.map((name) => [`${name}.yaml`, before])));
      const sites = join(directory, "sites");
      killed = await killedBeforeStep(step, directory);
      assert.deepEqual(problemsOf(readSiteFiles(sites)), []);
      const texts = names.map((name) => readFileSync(join(sites, `${name}.yaml`), "utf8"));
      seen.push(texts.map((text) => (text === before ? "old" : text === after ? "new" : text)).join(" "));
      // What was left behind goes with the next edit of the same file.
      writeFileSync(join(sites, "b.yaml"), before);
      await writeEdits((await prepareEdits(directory, shutOut(testSite("b")))).edits);
      assert.deepEqual(
        readdirSync(sites).filter((entry) => entry.startsWith(".b.yaml")),
        [],
      );
    }
    assert.deepEqual([...new Set(seen)], ["old old", "new old", "new new"]);
    assert.ok(seen.length > 10, `only ${seen.length} steps`);
  });
});
