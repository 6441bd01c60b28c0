import assert from "node:assert/strict";
import { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { providerPort } from "./waiting-providers";

describe("providerPort", () => {
  const started: ChildProcess[] = [];
  const note = (message: unknown): void => {
    const child = typeof message === "object" && message !== null && "process" in message && message.process;
    assert.ok(child instanceof ChildProcess);
    started.push(child);
  };

  before(() => {
    subscribe("child_process", note);
  });

  after(() => {
    unsubscribe("child_process", note);
  });

  it("serves each on a port of its own from one process, and from another once that was killed", async () => {
    const ports = [await providerPort({}), await providerPort({})];
    assert.equal(new Set(ports).size, 2);
    const [first] = started;
    assert.ok(first !== undefined);
    assert.equal(started.length, 1);
    const ended = once(first, "exit");
    // It would not hold up the end of this process, and so not of this test.
    first.ref();
    first.kill("SIGKILL");
    await ended;
    assert.ok((await providerPort({})) > 0);
    assert.equal(started.length, 2);
  });
});
