import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ResourceState } from "../../stack/state-file-reader";
import { secret } from "./properties";
import { SavedState, type StackState } from "./state";

const folder = mkdtempSync(join(tmpdir(), "sitepass-state-"));

function resource(name: string): ResourceState {
  return {
    urn: `urn:${name}`,
    type: "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
    name,
    custom: true,
    id: `${name}-id`,
    parent: "",
    inputs: { name, nested: [{ deep: secret("input secret") }] },
    outputs: { clientId: "id", clientSecret: secret(`secret of ${name}`) },
    dependencies: [],
    protect: false,
    deletedWith: "",
    beforeDelete: [],
  };
}

const stack = (...names: string[]): StackState => ({
  resources: names.map(resource),
  replaced: [{ ...resource("replaced"), id: "the-old-one" }],
  outputs: { token: secret("output secret") },
});

describe("SavedState", () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("gives back what was saved, with its secrets still marked", async () => {
    const path = join(folder, "new", "prod.json");
    await new SavedState(path).save(stack("tokyo"));
    assert.deepEqual(new SavedState(path).opened, { version: 2, ...stack("tokyo") });
  });

  it("writes files that only their owner can read, in a folder that only their owner can enter", () => {
    assert.equal(statSync(join(folder, "new", "prod.json")).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "new")).mode & 0o777, 0o700);
  });

  it("leaves the newest state and nothing else behind when many saves come at once", async () => {
    const path = join(folder, "burst", "prod.json");
    const saved = new SavedState(path);
    const names = Array.from({ length: 200 }, (_, index) => `site-${index}`);
    await Promise.all(names.map((_, index) => saved.save(stack(...names.slice(0, index + 1)))));
    assert.equal(new SavedState(path).opened.resources.length, 200);
    assert.deepEqual(readdirSync(join(folder, "burst")), ["prod.json"]);
  });

  it("returns from a save only when that change is on disk", async () => {
    const path = join(folder, "ordered.json");
    const saved = new SavedState(path);
    void saved.save(stack("a"));
    await saved.save(stack("a", "b"));
    assert.equal(new SavedState(path).opened.resources.length, 2);
  });

  it("leaves a file alone that is not a state", () => {
    const path = join(folder, "broken.json");
    writeFileSync(path, "{");
    assert.throws(() => new SavedState(path), /is not a state file of local\/engine/);
    assert.equal(readFileSync(path, "utf8"), "{");
  });
});
