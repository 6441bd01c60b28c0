import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { UserError } from "../../fleet/problem";
import { secret } from "./properties";
import { StateFile } from "./state-file";
import { readStateResources } from "./state-resources";

describe("readStateResources", () => {
  it("reads what a state holds without the passphrase, and nothing from a file that is not there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sitepass-state-"));
    try {
      const path = join(folder, "prod.json");
      assert.deepEqual(readStateResources(path), []);
      const resource = {
        urn: "urn:pulumi:prod::sitepass::x:y:Z::tokyo",
        type: "x:y:Z",
        name: "tokyo",
        custom: true,
        id: "1",
        parent: "",
        inputs: {},
        outputs: { clientSecret: secret("very secret") },
        dependencies: [],
        protect: false,
        deletedWith: "",
      };
      await new StateFile(path, "a passphrase").save({ resources: [resource], condemned: [], outputs: {} });
      const { urn, type, name, id } = resource;
      assert.deepEqual(readStateResources(path), [{ urn, type, name, id }]);
      writeFileSync(path, "{}");
      assert.throws(
        () => readStateResources(path),
        new UserError([`${path}: is no state file of this engine. Name another with --state.`]),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
