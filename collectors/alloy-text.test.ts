import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { alloyText, AlloyExpression, AlloyObject } from "./alloy-text";
import { parseAlloy } from "./testing/alloy-parser";
import { labelValues } from "./testing/sites";

describe("alloyText", () => {
  it("is formatted as alloy fmt does", () => {
    assert.equal(
      alloyText("Head.", [
        {
          comment: "Why.",
          name: "one",
          label: "a",
          attributes: [
            { values: { short: 1, longer_name: [new AlloyExpression("two.a.out"), "x"] } },
            {
              comment: "Why this.",
              values: {
                map: new AlloyObject([
                  ["k", true],
                  ["longer", "v"],
                ]),
              },
            },
          ],
          blocks: [{ name: "inner", attributes: [{ values: { flag: false } }] }, { name: "empty" }],
        },
        { name: "two", label: "a" },
      ]),
      `// Head.

// Why.
one "a" {
	short       = 1
	longer_name = [two.a.out, "x"]

	// Why this.
	map = {
		"k"      = true,
		"longer" = "v",
	}

	inner {
		flag = false
	}

	empty { }
}

two "a" { }
`,
    );
  });

  it("reads back as what was put in", () => {
    fc.assert(
      fc.property(fc.dictionary(labelValues, labelValues, { noNullPrototype: true }), (map) => {
        const text = alloyText("Head.", [
          { name: "block", attributes: [{ values: { map: new AlloyObject(Object.entries(map)) } }] },
        ]);
        assert.deepEqual(parseAlloy(text), [
          { name: "block", label: undefined, attributes: { map }, blocks: [] },
        ]);
      }),
      { numRuns: 100 },
    );
  });
});
