import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { alloyFile, block, component } from "./alloy-text";
import { explained, reference } from "./config-text";
import { parseAlloy } from "../testing/alloy-parser";
import { labelValues } from "../testing/sites";

describe("a file for Alloy", () => {
  it("is formatted as alloy fmt does", () => {
    assert.equal(
      alloyFile("x.alloy", "Head.", [
        explained(
          "Why.",
          component(
            "one",
            "a",
            { short: 1, longer_name: [reference("two.a.out"), "x"], absent_for_good: undefined },
            explained("Why this.", { map: { k: true, longer: "v" } }),
            block("inner", { flag: false }),
            block("empty"),
          ),
        ),
        component("two", "a"),
      ]).content,
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
        const text = alloyFile("x.alloy", "Head.", [block("block", { map })]).content;
        assert.deepEqual(parseAlloy(text), [
          { name: "block", label: undefined, attributes: { map }, blocks: [] },
        ]);
      }),
      { numRuns: 100 },
    );
  });
});
