import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { briefMessage } from "./zod-issues";

describe("briefMessage", () => {
  it("puts a message of several lines on one, because providers say what matters after the first", () => {
    assert.equal(
      briefMessage(
        new Error("invoking getZone: 1 error occurred:\n\t* failed to find exactly one result: 0 found\n\n"),
      ),
      "invoking getZone: 1 error occurred: * failed to find exactly one result: 0 found",
    );
  });

  it("cuts a message that goes on and on", () => {
    assert.equal(briefMessage(new Error("x".repeat(300))), "x".repeat(300));
    assert.equal(briefMessage(new Error("x".repeat(301))), `${"x".repeat(297)}...`);
  });

  it("says in words what a schema found", () => {
    assert.equal(
      briefMessage(z.object({ zoneId: z.string() }).safeParse({}).error),
      "✖ Invalid input: expected string, received undefined → at zoneId",
    );
  });

  it("reads what is not an error as text", () => {
    assert.equal(briefMessage("refused"), "refused");
    assert.equal(briefMessage(undefined), "undefined");
  });
});
