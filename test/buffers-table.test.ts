import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { documents, withBuffers } from "../scripts/buffers-table";

describe("what an outage may last", () => {
  for (const document of documents) {
    it(`is in ${document} as collectors/buffers.ts has it`, async () => {
      const text = readFileSync(join(__dirname, "..", document), "utf8");
      assert.equal(await withBuffers(document, text), text, "npm run expected");
    });
  }
});
