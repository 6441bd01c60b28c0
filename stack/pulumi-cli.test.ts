import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { pulumiRootBesidePath } from "./pulumi-cli";

describe("the Pulumi CLI", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "sitepass-pulumi-home-"));
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  /** A folder below the home with the program in it. */
  function put(folder: string, mode = 0o755): string {
    const directory = join(home, folder);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "pulumi"), "#!/bin/sh\n");
    chmodSync(join(directory, "pulumi"), mode);
    return directory;
  }
  const found = (PATH = "/nowhere") => pulumiRootBesidePath({ PULUMI_HOME: home, PATH });

  it("is the one on PATH before any other", () => {
    put("bin");
    assert.equal(found(`/nowhere:${put("elsewhere")}`), undefined);
  });

  it("is the installed one before those that were fetched", () => {
    put("versions/3.265.0/bin");
    put("bin");
    assert.equal(found(), home);
  });

  it("is the newest that was fetched, by its number and not by its letters", () => {
    put("versions/3.99.0/bin");
    put("versions/3.265.0/bin");
    put("versions/latest/bin");
    assert.equal(found(), join(home, "versions", "3.265.0"));
  });

  it("is none that cannot run, or of which the download was cut off", () => {
    put("versions/3.264.0/bin");
    put("versions/3.265.0/bin", 0o644);
    mkdirSync(join(home, "versions", "3.266.0", "bin", "pulumi"), { recursive: true });
    assert.equal(found(), join(home, "versions", "3.264.0"));
  });

  it("is none of the folder that somebody is in, where PULUMI_HOME is empty", () => {
    put("bin");
    const before = process.cwd();
    process.chdir(home);
    try {
      const root = pulumiRootBesidePath({ PULUMI_HOME: "", PATH: "/nowhere" });
      assert.ok(root === undefined || isAbsolute(root), root);
    } finally {
      process.chdir(before);
    }
  });

  it("is nowhere where there is none", () => {
    assert.equal(found(), undefined);
    assert.equal(found(""), undefined);
  });
});
