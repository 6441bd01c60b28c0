import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { parse } from "yaml";
import { labelValues } from "../testing/sites";
import { explained, reference, yamlFile } from "./config-text";

describe("a YAML file", () => {
  it("quotes every string, keeps each on its line, and puts comments where they belong", () => {
    assert.equal(
      yamlFile("x.yaml", "Head.\nSecond line.", {
        first: explained("Why it is so.", { plain: "x", number: 1, flag: false, absent: undefined }),
        second: [explained("Why this element.", { y: "a\nb", null: "\u2028\u0085\u00a0é東京🗼" }), "last"],
        third: {},
      }).content,
      `# Head.
# Second line.

# Why it is so.
first:
  plain: "x"
  number: 1
  flag: false

second:
  # Why this element.
  - "y": "a\\nb"
    "null": "\\u2028\\u0085\\u00a0é東京🗼"
  - "last"

third: {}
`,
    );
  });

  it("can be a list", () => {
    assert.equal(yamlFile("x.yaml", "Head.", [{ a: "b" }, "c"]).content, '# Head.\n\n- a: "b"\n- "c"\n');
  });

  it("reads back as what was put in, in YAML 1.1 and 1.2", () => {
    fc.assert(
      fc.property(fc.dictionary(labelValues, labelValues, { noNullPrototype: true }), (map) => {
        // A key that a merge would be made of is none that is ever rendered.
        fc.pre(!Object.keys(map).includes("<<") && !Object.keys(map).includes("__proto__"));
        for (const version of ["1.1", "1.2"] as const) {
          assert.deepEqual(
            parse(yamlFile("x.yaml", "Head.", { map, list: Object.values(map) }).content, { version }),
            {
              map,
              list: Object.values(map),
            },
          );
        }
      }),
      { numRuns: 100 },
    );
  });

  it("hides what a collector would expand in the file's text from it, and leaves references alone", () => {
    const text = yamlFile(
      "x.yaml",
      "Head.",
      { value: "\\ ${HOME} \\$ \\/", meant: reference("${NAME}") },
      /\$/g,
    ).content;
    assert.equal(
      text,
      `# Head.

value: "\\u005c \\u0024{HOME} \\u005c\\u0024 \\u005c/"

meant: "\${NAME}"
`,
    );
    assert.deepEqual(parse(text), { value: "\\ ${HOME} \\$ \\/", meant: "${NAME}" });
  });
});
