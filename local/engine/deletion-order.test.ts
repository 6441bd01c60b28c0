import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dependentsFirst } from "./deletion-order";
import type { ResourceState } from "./state";

function resource(urn: string, dependencies: readonly string[], parent = ""): ResourceState {
  return {
    urn,
    dependencies,
    parent,
    type: "",
    name: urn,
    custom: true,
    id: "",
    inputs: {},
    outputs: {},
    protect: false,
    deletedWith: "",
  };
}

const order = (resources: readonly ResourceState[]) => dependentsFirst(resources).map(({ urn }) => urn);

describe("dependentsFirst", () => {
  it("puts every resource before what it depends on, whatever the order they were made in", () => {
    assert.deepEqual(
      order([resource("application", ["policy"]), resource("policy", ["token"]), resource("token", [])]),
      ["application", "policy", "token"],
    );
    assert.deepEqual(
      order([resource("token", []), resource("application", ["policy"]), resource("policy", ["token"])]),
      ["application", "policy", "token"],
    );
  });

  it("puts children before their parents, and ignores what stays", () => {
    assert.deepEqual(order([resource("component", []), resource("child", ["kept"], "component")]), [
      "child",
      "component",
    ]);
  });
});
