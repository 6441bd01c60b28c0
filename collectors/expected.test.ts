import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { expectedCases, expectedFolder, expectedTexts, textsBelow } from "./testing/expected-files";
import { assertSecretsKept } from "./testing/rendered-files";

// When this fails: run `npm run expected`, and read in the diff whether what changed is what was meant to.
describe("what is rendered", () => {
  for (const [folder, files] of Object.entries(expectedCases)) {
    it(`is in collectors/expected/${folder}`, () => {
      assertSecretsKept(files);
      assert.deepEqual(
        Object.fromEntries(textsBelow(join(expectedFolder, folder))),
        Object.fromEntries(expectedTexts(files)),
      );
    });
  }

  it("is all that is in collectors/expected", () => {
    const found = readdirSync(expectedFolder).flatMap((name) =>
      readdirSync(join(expectedFolder, name)).map((folder) => `${name}/${folder}`),
    );
    assert.deepEqual(found.sort(), Object.keys(expectedCases).sort());
  });
});
