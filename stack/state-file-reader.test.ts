import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readStateFile, secretMarker, stateFileReader } from "./state-file-reader";

const folder = mkdtempSync(join(tmpdir(), "sitepass-state-"));
const path = join(folder, "prod.json");
const reader = stateFileReader(path);

const resource = {
  urn: "urn:pulumi:prod::sitepass::x:y:Z::tokyo",
  type: "x:y:Z",
  name: "tokyo",
  custom: true,
  id: "1",
  parent: "",
  inputs: {},
  outputs: { clientSecret: { ...secretMarker, value: "very secret" } },
  dependencies: [],
  protect: false,
  deletedWith: "",
};

function write(document: unknown): void {
  writeFileSync(path, typeof document === "string" ? document : JSON.stringify(document));
}

describe("stateFileReader", () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("finds no outputs where there is no file, and no resources only where there may be none yet", async () => {
    const refused = {
      name: "UserError",
      message: `${path}: does not exist. Make it with \`npm run engine -- up\`, or leave out --state to ask pulumi.`,
    };
    await assert.rejects(reader.outputs("", "prod"), refused);
    await assert.rejects(reader.resources("", "prod"), refused);
    assert.deepEqual(await stateFileReader(path, "allowed").resources("", "prod"), []);
    await assert.rejects(stateFileReader(path, "allowed").outputs("", "prod"), refused);
  });

  it("says what stands in a state file's place", async () => {
    await assert.rejects(stateFileReader(folder).resources("", "prod"), {
      name: "UserError",
      message: `${folder}: is a folder, not a file. Name a file.`,
    });
  });

  it("reads what a state holds, without what only waits to be deleted, and reveals the outputs", async () => {
    const site = {
      clientId: "id.access",
      clientSecret: { ...secretMarker, value: "very secret" },
      expiresAt: "",
      endpoints: {},
    };
    write({
      version: 2,
      resources: [resource],
      replaced: [{ ...resource, id: "0" }],
      outputs: { sites: { tokyo: site }, endpoints: {} },
    });
    const { urn, type, name, id } = resource;
    assert.deepEqual(await reader.resources("", "prod"), [{ urn, type, name, id }]);
    assert.deepEqual(await reader.outputs("", "prod"), {
      sites: { tokyo: { ...site, clientSecret: "very secret" } },
      endpoints: {},
    });
  });

  it("refuses what is not a state file", () => {
    for (const document of ["{", {}, { version: 2, resources: [{}], replaced: [], outputs: {} }]) {
      write(document);
      assert.throws(() => readStateFile(path), {
        name: "UserError",
        message: `${path}: is not a state file of local/engine. Move it away to start anew, or name another with --state.`,
      });
    }
  });

  it("refuses a file of an earlier version, whose secrets are encrypted, and says to start anew", () => {
    write({ version: 1, salt: "00", resources: [resource], condemned: [], outputs: {} });
    assert.throws(() => readStateFile(path), {
      name: "UserError",
      message: `${path}: was written by an earlier version of local/engine, which encrypted secrets. Move it away and start anew, with a new stand-in.`,
    });
  });
});
