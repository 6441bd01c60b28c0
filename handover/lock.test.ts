import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdtempSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { UserError } from "../fleet/problem";
import { takeLock } from "./lock";

const folder = mkdtempSync(join(tmpdir(), "sitepass-lock-"));
const path = join(folder, "prod.json.lock");
const use = "is changing this stack";

const heldBy = (id: number): UserError =>
  new UserError([
    {
      subject: path,
      says: `process ${id} on ${hostname()} is changing this stack`,
      todo: "Wait until it is done; if there is no such process, delete this link",
    },
  ]);

describe("takeLock", () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("keeps a second run out until the first lets go", () => {
    const unlock = takeLock(path, use);
    assert.throws(() => takeLock(path, use), heldBy(process.pid));
    unlock();
    takeLock(path, use)();
    assert.equal(existsSync(path), false);
  });

  it("takes over from a process that was killed", () => {
    // Above the highest process number that Linux gives.
    symlinkSync(`99999999@${hostname()}`, path);
    takeLock(path, use)();
  });

  it("leaves the lock to a living process that belongs to another user", (t) => {
    t.mock.method(process, "kill", () => {
      throw Object.assign(new Error("kill EPERM"), { code: "EPERM", syscall: "kill" });
    });
    symlinkSync(`4321@${hostname()}`, path);
    assert.throws(() => takeLock(path, use), heldBy(4321));
    assert.ok(lstatSync(path).isSymbolicLink());
  });

  it("lets go of nothing that a person has deleted, or that another process has taken since", () => {
    const unlock = takeLock(path, use);
    rmSync(path);
    unlock();
    const unlockLater = takeLock(path, use);
    rmSync(path);
    symlinkSync(`1@elsewhere`, path);
    unlockLater();
    assert.equal(readlinkSync(path), "1@elsewhere");
    rmSync(path);
  });

  it("says of a link that is not a lock where it leads", () => {
    symlinkSync("notes.txt", path);
    assert.throws(
      () => takeLock(path, use),
      new UserError({
        subject: path,
        says: "leads to notes.txt, and is in the way of the lock",
        todo: "Delete it",
      }),
    );
    rmSync(path);
  });
});
