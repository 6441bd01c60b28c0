import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { labelValues } from "./testing/sites";
import { assignments } from "./testing/vrl-parser";
import { vrlText } from "./vrl-text";

it("quotes a text, its quotes, its braces and its line breaks", () => {
  assert.equal(vrlText('a "b" \\ {{ c }}\r\n\t'), '"a \\"b\\" \\\\ \\{\\{ c \\}\\}\\r\\n\\t"');
});

it("takes a placeholder of a secret apart", () => {
  assert.equal(vrlText("xSECRET[a.b] SECRET[[c.d]"), '"xSECRET" + "[a.b] SECRET" + "[[c.d]"');
});

it("is the text again when Vector reads it", () => {
  fc.assert(
    fc.property(labelValues, (value) => {
      assert.deepEqual(assignments(`.tags."x" = ${vrlText(value)}`, ".tags"), { x: value });
      assert.doesNotMatch(vrlText(value), /SECRET\[/);
    }),
    { numRuns: 100 },
  );
});
