import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fromSource } from "./from-source";
import { readMeasured } from "./results";
import { documentPath, withTable } from "./table";

describe("docs/collectors.md", () => {
  // When this fails: run `npm run bench:collectors -- --table`.
  it("has the table of what was measured and read last", async () => {
    const document = readFileSync(documentPath, "utf8");
    assert.equal(document, await withTable(document));
  });

  it("promises that behind the relay nothing is lost, because nothing was", () => {
    const relayed = [...readMeasured(), ...fromSource].filter((cell) => cell.relayed);
    assert.ok(relayed.length > 0);
    assert.deepEqual(
      relayed.filter(({ outcome, leaked, restarted }) => outcome !== "retry" || leaked || restarted),
      [],
    );
  });
});
