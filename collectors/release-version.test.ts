import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isAtLeast, versionRefusals } from "./release-version";

const release = (version: string) => ({ version, mode: "server" }) as const;

describe("a release", () => {
  it("is compared by what a person may write of it", () => {
    assert.equal(isAtLeast(release("2.53"), "2.53.0"), true);
    assert.equal(isAtLeast(release("v3.10.0-rc.1"), "3.10.0"), true);
    assert.equal(isAtLeast(release("2.42.0+ds-5+deb12u1"), "2.43.0"), false);
    assert.equal(isAtLeast(release("3.9.0"), "3.10.0"), false);
  });

  it("is refused when it is no version", () => {
    for (const version of ["3.10.0", "2.42", "v1.18.1", "2.42.0+ds-5", "3.0.0-rc.1", "2.9~beta"]) {
      assert.deepEqual(versionRefusals(release(version)), [], version);
    }
    for (const version of ["", "3", "latest", "3.x", "3.10.0 ", "1.2.3.4", "3.10.0\n"]) {
      assert.deepEqual(versionRefusals(release(version)), [
        `--release: is "${version}", which is no version. Write it as in 3.10.0, as the agent's --version prints it.`,
      ]);
    }
  });
});
