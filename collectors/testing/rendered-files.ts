import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { problemText } from "../../fleet/problem";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "../collector";
import { testCredentials } from "./sites";

/** A rendered file's text; fails when there is none. */
export function textOf(files: readonly RenderedFile[], path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  assert.ok(file !== undefined, `no ${path} among ${files.map((candidate) => candidate.path).join(", ")}`);
  return file.content;
}

/** Fails unless a secret occurs in files of mode 0600 in a folder `credentials` alone, and these hold nothing else. */
export function assertSecretsKept(files: readonly RenderedFile[]): void {
  for (const { path, mode, content } of files) {
    const holdsSecret = Object.values(testCredentials).some((secret) => content.includes(secret));
    assert.equal(mode === 0o600, holdsSecret, path);
    assert.equal(path.split("/").includes("credentials"), holdsSecret, path);
  }
}

/** Files in a folder that is gone after the test. */
export function installed(
  context: TestContext,
  render: (directory: string) => readonly RenderedFile[],
): string {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  context.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  for (const { path, mode, content } of render(directory)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content, { mode });
  }
  return directory;
}

/** Why a site cannot be rendered, as a person reads it. */
export function refusalsOf(
  collector: Collector,
  site: CollectorSite,
  placement: Placement,
  release: CollectorRelease,
): readonly string[] {
  return collector.refusals(site, placement, release).map(problemText);
}
