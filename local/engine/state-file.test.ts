import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { UserError } from "../../fleet/problem";
import { secret } from "./properties";
import type { ResourceState, StackState } from "./state";
import { StateFile } from "./state-file";
import { lockState } from "./state-lock";

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
  };
}

const stack = (...names: string[]): StackState => ({
  resources: names.map(resource),
  condemned: [{ ...resource("condemned"), id: "the-old-one" }],
  outputs: { token: secret("output secret") },
});

describe("StateFile", () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("gives back what was saved, secrets included, and shows none of them on disk", async () => {
    const path = join(folder, "new", "prod.json");
    await new StateFile(path, "passphrase").save(stack("tokyo"));
    assert.deepEqual(new StateFile(path, "passphrase").state, stack("tokyo"));
    const text = readFileSync(path, "utf8");
    assert.ok(text.includes("tokyo-id"));
    assert.doesNotMatch(text, /input secret|output secret|secret of tokyo/);
  });

  it("writes files that only their owner can read, in a folder that only their owner can enter", () => {
    assert.equal(statSync(join(folder, "new", "prod.json")).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "new")).mode & 0o777, 0o700);
  });

  it("leaves the newest state and nothing else behind when many saves come at once", async () => {
    const path = join(folder, "burst", "prod.json");
    const file = new StateFile(path, "passphrase");
    const names = Array.from({ length: 200 }, (_, index) => `site-${index}`);
    await Promise.all(names.map((_, index) => file.save(stack(...names.slice(0, index + 1)))));
    assert.equal(new StateFile(path, "passphrase").state.resources.length, 200);
    assert.deepEqual(readdirSync(join(folder, "burst")), ["prod.json"]);
  });

  it("returns from a save only when that change is on disk", async () => {
    const path = join(folder, "ordered.json");
    const file = new StateFile(path, "passphrase");
    void file.save(stack("a"));
    await file.save(stack("a", "b"));
    assert.equal(new StateFile(path, "passphrase").state.resources.length, 2);
  });

  it("says that the passphrase is another one", async () => {
    const path = join(folder, "other.json");
    await new StateFile(path, "right").save(stack("tokyo"));
    assert.throws(
      () => new StateFile(path, "wrong"),
      new UserError([
        `PULUMI_CONFIG_PASSPHRASE: does not open the secrets in ${path}. Set it to the passphrase that the file was made with.`,
      ]),
    );
  });

  it("leaves a file alone that is no state", () => {
    const path = join(folder, "broken.json");
    writeFileSync(path, "{");
    assert.throws(
      () => new StateFile(path, "passphrase"),
      new UserError([`${path}: is no state file of this engine. Move it away to start anew.`]),
    );
    assert.equal(readFileSync(path, "utf8"), "{");
  });
});

describe("lockState", () => {
  it("keeps a second run out until the first lets go", () => {
    const path = join(mkdtempSync(join(tmpdir(), "sitepass-lock-")), "prod.json");
    const unlock = lockState(path);
    assert.throws(
      () => lockState(path),
      new UserError([`${path}: is in use by process ${process.pid}. Wait for it to end, or end it.`]),
    );
    unlock();
    lockState(path)();
  });

  it("takes over from a process that was killed", () => {
    const path = join(mkdtempSync(join(tmpdir(), "sitepass-lock-")), "prod.json");
    // Above the highest process number that Linux gives.
    writeFileSync(`${path}.lock`, "99999999");
    lockState(path)();
  });
});
