import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { problemText, UserError } from "../../fleet/problem";
import { readImportDocument, type ImportEntry } from "./import-document";
import { UrnScheme } from "./urns";

function read(document: unknown): readonly ImportEntry[] {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-import-"));
  const file = join(folder, "import.json");
  try {
    writeFileSync(file, typeof document === "string" ? document : JSON.stringify(document));
    return readImportDocument(file, new UrnScheme("proj", "prod"));
  } catch (error) {
    throw error instanceof UserError
      ? new UserError(error.problems.map((problem) => problemText(problem).replaceAll(file, "import.json")))
      : error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const refused = (document: unknown, ...problems: readonly string[]) => {
  assert.throws(() => read(document), new UserError(problems));
};

describe("readImportDocument", () => {
  it("works out URNs from parents that are entries or names of the table, in any order", () => {
    const entries = read({
      nameTable: { known: "urn:pulumi:prod::proj::a:b:Known::known" },
      resources: [
        { type: "x:y:Z", name: "child", parent: "comp", id: "acct/1", version: "1.2.3" },
        { type: "a:b:Comp", name: "comp", logicalName: "same", component: true },
        { type: "x:y:Z", logicalName: "same", parent: "known", id: "acct/2" },
        { type: "x:y:Z", name: "deep", parent: "child", id: "acct/3" },
      ],
    });
    assert.deepEqual(
      entries.map(({ urn }) => urn),
      [
        "urn:pulumi:prod::proj::a:b:Comp$x:y:Z::child",
        "urn:pulumi:prod::proj::a:b:Comp::same",
        "urn:pulumi:prod::proj::a:b:Known$x:y:Z::same",
        "urn:pulumi:prod::proj::a:b:Comp$x:y:Z$x:y:Z::deep",
      ],
    );
    assert.deepEqual(entries[1], {
      urn: "urn:pulumi:prod::proj::a:b:Comp::same",
      type: "a:b:Comp",
      name: "same",
      importId: "",
      parent: "",
      component: true,
    });
    assert.equal(entries[0]?.parent, "urn:pulumi:prod::proj::a:b:Comp::same");
  });

  it("refuses what Pulumi refuses, in its words", () => {
    refused(
      {
        resources: [
          { type: "x:y:Z", name: "none" },
          { type: "x:y:Z", name: "comp", component: true, id: "1" },
          { type: "x:y:Z", name: "twin", id: "1" },
          { type: "x:y:W", name: "twin", id: "2" },
          { type: "x:y:Z", name: "a", parent: "twin", id: "3" },
          { type: "x:y:Z", name: "b", parent: "gone", id: "4" },
        ],
      },
      "import.json: resource 'none' of type 'x:y:Z' has no ID.",
      "import.json: resource 'comp' of type 'x:y:Z' has an ID, but is marked as a component.",
      "import.json: resource 'a' of type 'x:y:Z' has an ambiguous parent.",
      "import.json: the parent 'gone' for resource 'b' of type 'x:y:Z' has no entry in 'nameTable'.",
    );
    refused(
      {
        resources: [
          { type: "x:y:Z", name: "a", logicalName: "same", id: "1" },
          { type: "x:y:Z", name: "b", logicalName: "same", id: "2" },
        ],
      },
      "import.json: resource 'same' of type 'x:y:Z' has an ambiguous URN, set name (or logical name) to be unique.",
    );
  });

  it("refuses parents that go round in circles, which Pulumi follows for ever", () => {
    refused(
      {
        resources: [
          { type: "x:y:Z", name: "a", parent: "b", id: "1" },
          { type: "x:y:Z", name: "b", parent: "a", id: "2" },
        ],
      },
      "import.json: resource 'a' of type 'x:y:Z' is its own parent.",
      "import.json: resource 'b' of type 'x:y:Z' is its own parent.",
    );
  });

  it("refuses keys that it would pass over, and what is no JSON", () => {
    assert.throws(
      () => read({ resources: [{ type: "x:y:Z", name: "a", id: "1", properties: [] }] }),
      /properties/,
    );
    assert.throws(() => read("{"), /cannot be read/);
  });
});
