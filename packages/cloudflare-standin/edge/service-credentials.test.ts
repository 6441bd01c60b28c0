import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HeaderLines } from "./header-lines";
import { tokenHeaders } from "./push";
import { readCredentials } from "./service-credentials";

const good = { kind: "pair", clientId: "id", clientSecret: "secret" };
const json = (content: unknown): HeaderLines => [["authorization", JSON.stringify(content)]];
const single = json({ "cf-access-client-id": "id", "cf-access-client-secret": "secret" });
const pair = tokenHeaders("id", "secret");

describe("readCredentials", () => {
  it("reads the pair, whatever the case of the names", () => {
    assert.deepEqual(readCredentials(pair, undefined, true), good);
    const lower = pair.map(([name, value]) => [name.toLowerCase(), value] as const);
    assert.deepEqual(readCredentials(lower, undefined, true), good);
  });

  it("finds none in a request without headers, or with empty ones", () => {
    for (const headers of [[], tokenHeaders("", ""), [...tokenHeaders("", ""), ...tokenHeaders("", "")]]) {
      assert.deepEqual(readCredentials(headers, "Authorization", true), { kind: "none" });
    }
    assert.deepEqual(readCredentials(single, undefined, true), { kind: "none" });
    assert.deepEqual(readCredentials([["Authorization", ""]], "Authorization", true), { kind: "none" });
  });

  it("refuses duplicates and halves", () => {
    const malformed = (headers: HeaderLines): string => {
      const credentials = readCredentials(headers, "Authorization", false);
      return credentials.kind === "malformed" ? credentials.detail : credentials.kind;
    };
    assert.equal(malformed([...pair, ...pair]), "duplicate service token headers");
    assert.equal(malformed([...pair, ["cf-access-client-id", ""]]), "duplicate service token headers");
    assert.equal(malformed(pair.slice(0, 1)), "CF-Access-Client-Id without the other");
    assert.equal(malformed(pair.slice(1)), "CF-Access-Client-Secret without the other");
    assert.equal(malformed([...single, ...single]), "duplicate custom header");
    const notJson = "the custom header is not JSON with cf-access-client-id and cf-access-client-secret";
    assert.equal(malformed([["Authorization", "Bearer x"]]), notJson);
    assert.equal(malformed(json({ "CF-Access-Client-Id": "id", "CF-Access-Client-Secret": "s" })), notJson);
  });

  it("reads the application's own header, and in strict mode not beside the pair", () => {
    assert.deepEqual(readCredentials(single, "Authorization", true), good);
    assert.deepEqual(readCredentials([...pair, ...single], "Authorization", false), good);
    assert.deepEqual(readCredentials([...pair, ...single], "Authorization", true), {
      kind: "malformed",
      detail: "credentials in the pair of headers and in the custom header",
    });
  });
});
