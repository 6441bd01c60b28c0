import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { UserError } from "../fleet/problem";
import { omitStackTraces, pulumiProgram } from "./pulumi-program";

// tsx maps stack traces in this property; without it, V8's own would do.
const usual = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");

describe("pulumiProgram", () => {
  it("ends with the message alone, without a stack that the SDK would take a minute to format", async () => {
    const program = pulumiProgram(() => {
      throw new UserError({ subject: "sites/", says: "is empty", todo: "Add a file" });
    });
    await assert.rejects(program, { message: "sites/: is empty. Add a file.", stack: "" });
  });
});

describe("omitStackTraces", () => {
  afterEach(() => {
    Error.stackTraceLimit = 10;
    Object.defineProperty(
      Error,
      "prepareStackTrace",
      usual ?? { value: undefined, writable: true, configurable: true },
    );
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
