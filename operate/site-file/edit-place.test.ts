import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { editPlace, type PlaceInFile } from "./edit-place";
import { problemTexts } from "../../fleet/testing/problem-texts";

const file = "sites/tokyo.yaml";

const edited = (text: string, shard: string | undefined, movingTo?: string): string => {
  const result = editPlace(text, { shard, movingTo }, file);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
};

describe("editPlace", () => {
  const layouts: readonly (readonly [string, string, string, string])[] = [
    ["an empty file", "", "movingTo: us\n", "shard: us\n"],
    ["comments alone", "# Tokyo\n", "# Tokyo\nmovingTo: us\n", "# Tokyo\nshard: us\n"],
    [
      "no shard",
      "labels:\n    city: tokyo # here\n\n# the end\n",
      "labels:\n    city: tokyo # here\n\n# the end\nmovingTo: us\n",
      "labels:\n    city: tokyo # here\n\n# the end\nshard: us\n",
    ],
    [
      "a shard in the middle",
      "# Tokyo\nshard: eu # for now\ncollector: alloy\n",
      "# Tokyo\nshard: eu # for now\nmovingTo: us\ncollector: alloy\n",
      "# Tokyo\nshard: us # for now\ncollector: alloy\n",
    ],
    [
      "a relay",
      "collector: alloy\nrelay: nginx # holds the secret\nshard: eu\n",
      "collector: alloy\nrelay: nginx # holds the secret\nshard: eu\nmovingTo: us\n",
      "collector: alloy\nrelay: nginx # holds the secret\nshard: us\n",
    ],
    ["quotes", 'shard: "eu"\n', 'shard: "eu"\nmovingTo: us\n', 'shard: "us"\n'],
    [
      "Windows' line breaks",
      "shard: eu\r\ncollector: alloy\r\n",
      "shard: eu\r\nmovingTo: us\r\ncollector: alloy\r\n",
      "shard: us\r\ncollector: alloy\r\n",
    ],
    ["no last line break", "shard: eu", "shard: eu\nmovingTo: us", "shard: us\n"],
    [
      "braces",
      "{ shard: eu, collector: alloy }\n",
      "{ shard: eu, movingTo: us, collector: alloy }\n",
      "{ shard: us, collector: alloy }\n",
    ],
    ["JSON", '{"shard": "eu"}\n', '{"shard": "eu", movingTo: us}\n', '{"shard": "us"}\n'],
    ["empty braces", "{}\n", "{ movingTo: us }\n", "{ shard: us }\n"],
    ["a byte order mark", "\uFEFFshard: eu\n", "\uFEFFshard: eu\nmovingTo: us\n", "\uFEFFshard: us\n"],
  ];
  for (const [name, before, moving, moved] of layouts) {
    it(`moves a site and back with ${name}`, () => {
      const shard = before.includes("eu") ? "eu" : undefined;
      assert.equal(edited(before, shard, "us"), moving);
      assert.equal(edited(moving, "us"), moved);
      assert.equal(edited(moving, shard).trimEnd(), before.replace(/^\{\}/, "{  }").trimEnd());
      assert.equal(edited(moved, "us"), moved);
    });
  }

  it("takes the comment behind a key along with its line, and no other", () => {
    const text = "# one\nshard: eu\n# two\nmovingTo: us # soon\n# three\ncollector: alloy\n";
    assert.equal(edited(text, "eu"), "# one\nshard: eu\n# two\n# three\ncollector: alloy\n");
  });

  it("writes a shard in quotes that YAML takes for something else", () => {
    assert.equal(edited("shard: eu\n", "eu", "7"), 'shard: eu\nmovingTo: "7"\n');
    assert.equal(edited("shard: eu\n", "true"), 'shard: "true"\n');
  });

  it("leaves a file to the person that cannot be changed alone", () => {
    const place: PlaceInFile = { shard: "us", movingTo: undefined };
    const text = "shard: &place eu\ndescription: *place\nmovingTo: us\n";
    assert.deepEqual(problemTexts(editPlace(text, place, file)), [
      "sites/tokyo.yaml: is written in a way that cannot be changed without changing more. By hand, set shard: us and take movingTo out.",
    ]);
  });
});
