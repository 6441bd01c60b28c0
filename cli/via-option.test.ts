import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { success } from "../fleet/problem";
import { problemTexts } from "../fleet/testing/problem-texts";
import { parseVia } from "./via-option";

const refusal = (text: string): readonly string[] => problemTexts(parseVia(text));

describe("parseVia", () => {
  it("takes plain http on this machine, and https anywhere", () => {
    assert.deepEqual(
      parseVia("http://127.0.0.1:8798"),
      success({
        protocol: "http:",
        hostname: "127.0.0.1",
        port: 8798,
      }),
    );
    assert.deepEqual(
      parseVia("http://localhost"),
      success({ protocol: "http:", hostname: "localhost", port: 80 }),
    );
    assert.deepEqual(parseVia("http://[::1]:1"), success({ protocol: "http:", hostname: "::1", port: 1 }));
    assert.deepEqual(
      parseVia("https://203.0.113.7"),
      success({
        protocol: "https:",
        hostname: "203.0.113.7",
        port: 443,
      }),
    );
  });

  it("refuses plain http to another machine", () => {
    for (const host of [
      "example.com",
      "192.168.0.7",
      "127.0.0.1.example.com",
      "0.0.0.0",
      "[::ffff:7f00:1]",
    ]) {
      assert.deepEqual(refusal(`http://${host}`), [
        `--via: is "http://${host}", which is plain http to another machine, and the sites' secrets would cross the network in clear. Use https, or an address of this machine.`,
      ]);
    }
  });

  it("refuses what is not a scheme, host and port", () => {
    assert.deepEqual(refusal("127.0.0.1"), [
      '--via: is "127.0.0.1", which is not an address. Write it as in http://127.0.0.1:8798.',
    ]);
    assert.deepEqual(refusal("ftp://127.0.0.1"), [
      '--via: is "ftp://127.0.0.1", which is neither http nor https. Write it as in http://127.0.0.1:8798.',
    ]);
    assert.deepEqual(refusal("http://127.0.0.1/api/v1/write"), [
      '--via: is "http://127.0.0.1/api/v1/write", which has more than scheme, host and port. Drop the rest; the paths are those of the configuration.',
    ]);
  });

  it("does not repeat a password, whatever else is wrong with the address", () => {
    for (const text of [
      "https://me:hunter2@example.com",
      "ftp://me:hunter2@example.com",
      "me:hunter2@example.com",
      "https://me:hunter2@exa mple.com",
      "https://me:hunter2@example.com/api/v1/write",
    ]) {
      assert.deepEqual(refusal(text), ["--via: contains a user. Give only scheme, host and port."], text);
    }
  });
});
