import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemText } from "../../fleet/problem";
import { bare, behindRelay, tokyo } from "../testing/sites";
import { commonRefusals, isAtLeast, otherSignalsNote, releaseRefusals } from "./refusals-and-notes";

const release = (version: string) => ({ version, mode: "server" }) as const;

const refusals = (version: string) => commonRefusals(tokyo, bare, release(version), []).map(problemText);

describe("a release", () => {
  it("is compared by what a person may write of it", () => {
    assert.equal(isAtLeast(release("2.53"), "2.53.0"), true);
    assert.equal(isAtLeast(release("v3.10.0-rc.1"), "3.10.0"), true);
    assert.equal(isAtLeast(release("2.42.0+ds-5+deb12u1"), "2.43.0"), false);
    assert.equal(isAtLeast(release("3.9.0"), "3.10.0"), false);
  });

  it("is refused when it is not a version", () => {
    for (const version of ["3.10.0", "2.42", "v1.18.1", "2.42.0+ds-5", "3.0.0-rc.1", "2.9~beta"]) {
      assert.deepEqual(refusals(version), [], version);
    }
    for (const version of ["", "3", "latest", "3.x", "3.10.0 ", "1.2.3.4", "3.10.0\n"]) {
      assert.deepEqual(refusals(version), [
        `--release: is "${version}", which is not a version. Write it as in 3.10.0, as the collector's --version prints it.`,
      ]);
    }
  });
});

describe("a limit of releases", () => {
  const limits = [
    { before: "1.2.0", says: "which does not work", todo: "Install 1.2" },
    { before: "2.0.0", unlessRelayed: true, says: "which has no headers", todo: "Install 2.0" },
  ] as const;

  it("is the first that is not met, and the relay makes up for some", () => {
    const refused = (placement: typeof bare, version: string) =>
      releaseRefusals(placement, release(version), ...limits).map(problemText);
    assert.deepEqual(refused(bare, "1.1.9"), ["--release: is 1.1.9, which does not work. Install 1.2."]);
    assert.deepEqual(refused(behindRelay, "1.1.9"), [
      "--release: is 1.1.9, which does not work. Install 1.2.",
    ]);
    assert.deepEqual(refused(bare, "1.2.0"), ["--release: is 1.2.0, which has no headers. Install 2.0."]);
    assert.deepEqual(refused(behindRelay, "1.2.0"), []);
    assert.deepEqual(refused(bare, "2.0"), []);
    assert.deepEqual(refused(bare, "newest"), []);
  });
});

describe("a note on signals that a collector leaves out", () => {
  it("names them, and where it is known what pushes them", () => {
    assert.equal(otherSignalsNote({ title: "X", signals: ["metrics", "logs"] }, tokyo), undefined);
    assert.equal(
      otherSignalsNote({ title: "X", signals: ["logs"] }, tokyo),
      "X pushes logs alone: the site's metrics need a second collector.",
    );
    assert.equal(
      otherSignalsNote({ title: "X", signals: ["logs"] }, tokyo, "Y"),
      "X pushes logs alone: the site's metrics need a second collector, such as Y.",
    );
  });
});
