import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { alloyText, block, component } from "./alloy-text";
import { explained, reference } from "./config-text";
import { parseAlloy } from "../testing/alloy-parser";
import { labelValues } from "../testing/sites";

describe("alloyText", () => {
  it("is formatted as alloy fmt does", () => {
    assert.equal(
      alloyText("Head.", [
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
        const text = alloyText("Head.", [block("block", { map })]);
        assert.deepEqual(parseAlloy(text), [
          { name: "block", label: undefined, attributes: { map }, blocks: [] },
        ]);
      }),
      { numRuns: 100 },
    );
  });
});
