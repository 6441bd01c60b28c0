import assert from "node:assert/strict";
import type { RenderedFile } from "./collector";
import { testCredentials } from "./test-sites";

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
