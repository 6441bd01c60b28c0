import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { omitStackTraces } from "./stack-traces";

describe("omitStackTraces", () => {
  afterEach(() => {
    Error.stackTraceLimit = 10;
    delete Error.prepareStackTrace;
  });

  it("makes stack traces empty, also where code lifts the limit for itself", () => {
    omitStackTraces();
    assert.equal(new Error("message").stack, "");
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    assert.equal(new Error("message").stack, "");
  });

  it("leaves them to somebody who asked for more than usual", () => {
    Error.stackTraceLimit = 50;
    omitStackTraces();
    assert.match(new Error("message").stack ?? "", /^Error: message\n\s+at /);
  });
});
