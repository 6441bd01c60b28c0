import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { expectedTexts, textsBelow } from "../collectors/testing/expected-files";
import { expectedCentralCases, expectedCentralFolder } from "./testing/expected-folders";

// When this fails: run `npm run expected`, and read in the diff whether what changed is what was meant to.
describe("the folder of a central host", () => {
  for (const [folder, files] of Object.entries(expectedCentralCases)) {
    it(`is in central/expected/${folder}`, () => {
      assert.deepEqual(
        files.filter(({ mode }) => mode !== 0o644),
        [],
      );
      assert.deepEqual(
        Object.fromEntries(textsBelow(join(expectedCentralFolder, folder))),
        Object.fromEntries(expectedTexts(files)),
      );
    });
  }

  it("is all that is in central/expected", () => {
    assert.deepEqual(readdirSync(expectedCentralFolder).sort(), Object.keys(expectedCentralCases).sort());
  });
});
