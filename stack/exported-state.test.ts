import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseExport, type ExportedResource } from "./exported-state";

const exported = (resources: readonly object[], more: object = {}): object => ({
  version: 3,
  deployment: { manifest: { magic: "m" }, resources, ...more },
});
const textOf = (...of: Parameters<typeof exported>): string => JSON.stringify(exported(...of));

/** The document without some of its resources. */
function without(text: string, isForgotten: (resource: ExportedResource) => boolean): unknown {
  const state = parseExport(text);
  assert.ok(state !== undefined);
  return JSON.parse(state.without(new Set(state.resources.filter(isForgotten))));
}

const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x" };
const token = { urn: "token", custom: true, id: "t", type: "token", outputs: { clientSecret: secret } };
const tunnel = { urn: "tunnel", custom: true, id: "1", type: "tunnel", protect: true };

describe("parseExport", () => {
  it("gives the same document back where nothing is taken out", () => {
    const document = exported(
      [token, { ...tunnel, dependencies: ["token"], created: "2026-11-27T04:20:24.4Z" }],
      {
        secrets_providers: { type: "passphrase", state: { salt: "s" } },
        pending_operations: [{ resource: token, type: "creating" }],
      },
    );
    assert.deepEqual(
      without(JSON.stringify(document), () => false),
      document,
    );
  });

  it("takes resources out, and what others say of them, whichever way; secrets stay encrypted", () => {
    const record = {
      urn: "record",
      custom: true,
      id: "r",
      type: "record",
      inputs: { content: "1.cfargotunnel.com" },
      dependencies: ["token", "tunnel"],
      propertyDependencies: { content: ["tunnel"], name: ["token", "tunnel"], ttl: null },
      replaceWith: ["tunnel"],
      deletedWith: "tunnel",
    };
    const other = { urn: "other", custom: false, type: "component", parent: "record", deletedWith: "record" };
    assert.deepEqual(
      without(textOf([token, tunnel, record, other]), ({ urn }) => urn === "tunnel"),
      exported([
        token,
        {
          ...record,
          dependencies: ["token"],
          propertyDependencies: { content: [], name: ["token"], ttl: null },
          replaceWith: [],
          deletedWith: "",
        },
        other,
      ]),
    );
  });

  it("keeps what is said of a URN that another resource still has, as of a replaced one", () => {
    const replaced = { ...tunnel, id: "2", delete: true };
    const record = { urn: "record", custom: true, id: "r", type: "record", dependencies: ["tunnel"] };
    assert.deepEqual(
      without(textOf([tunnel, record, replaced]), ({ id }) => id === "2"),
      exported([tunnel, record]),
    );
    // What comes after it is nothing that it can name.
    assert.deepEqual(
      without(textOf([tunnel, record, replaced]), ({ id }) => id === "1"),
      exported([{ ...record, dependencies: [] }, replaced]),
    );
    assert.deepEqual(
      without(textOf([tunnel, replaced, record]), ({ id }) => id === "1"),
      exported([replaced, record]),
    );
  });

  it("tells what a run began and did not end", () => {
    const urn = "urn:pulumi:prod::sitepass::x:index:Sites$cloudflare:index/token:Token::osaka";
    assert.deepEqual(
      parseExport(textOf([], { pending_operations: [{ type: "creating", resource: { urn } }] }))?.pending,
      ["creating osaka"],
    );
    assert.deepEqual(parseExport(textOf([]))?.pending, []);
    assert.deepEqual(parseExport(textOf([], { pending_operations: null }))?.pending, []);
  });

  it("takes nothing else for a state: no JSON, no deployment, and one that was never brought up", () => {
    for (const text of ["", "error: no stack", "{}", '{"version":3,"deployment":{"manifest":{}}}']) {
      assert.equal(parseExport(text), undefined, text);
    }
  });
});
