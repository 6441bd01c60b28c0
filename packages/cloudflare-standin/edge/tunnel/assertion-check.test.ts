import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { UnsecuredJWT } from "jose";
import { AssertionCheck } from "./assertion-check";
import { listenOnLoopback } from "../../loopback-server";
import { SigningKeys, type ApplicationToken } from "../access/signing-keys";

const now = new Date("2026-11-23T12:00:00Z");
const token: ApplicationToken = {
  issuer: "https://team.cloudflareaccess.com",
  audience: "aud",
  commonName: "tokyo.access",
  issuedAt: now,
  expiresAt: new Date(now.getTime() + 1000),
};

/** A check with keys that a server hands out, the number of times it was asked, and the keys it has. */
async function checkFor(t: TestContext): Promise<{
  readonly status: (assertion?: string) => Promise<number>;
  readonly keys: { current: SigningKeys };
  readonly asked: readonly string[];
}> {
  const keys = { current: await SigningKeys.create() };
  const asked: string[] = [];
  const server = await listenOnLoopback((request, response) => {
    asked.push(request.headers.host ?? "");
    response.end(JSON.stringify(keys.current.jwks));
  }, 0);
  t.after(() => server.close());
  const check = new AssertionCheck("team", ["other", "aud"]);
  return {
    keys,
    asked,
    status: async (assertion) =>
      (await check.filter(assertion, `${server.url}/cdn-cgi/access/certs`, now))?.status ?? 200,
  };
}

describe("AssertionCheck", () => {
  it("passes a good assertion, and fetches the keys once", async (t) => {
    const { keys, status, asked } = await checkFor(t);
    const assertion = await keys.current.sign(token);
    assert.deepEqual([await status(assertion), await status(assertion)], [200, 200]);
    assert.deepEqual(asked, ["team.cloudflareaccess.com"]);
  });

  it("answers 403 without an assertion or without its audience", async (t) => {
    const { keys, status } = await checkFor(t);
    assert.equal(await status(), 403);
    assert.equal(await status(""), 403);
    assert.equal(await status(await keys.current.sign({ ...token, audience: "another" })), 403);
  });

  it("answers 502 to what it cannot verify", async (t) => {
    const { keys, status } = await checkFor(t);
    const { current } = keys;
    const unsigned = new UnsecuredJWT({ aud: ["aud"], iss: token.issuer, exp: 4102444800 }).encode();
    const stranger = await (await SigningKeys.create()).sign(token);
    for (const assertion of [
      "nonsense",
      unsigned,
      stranger,
      await current.sign({ ...token, expiresAt: now }),
      await current.sign({ ...token, issuer: "https://other.cloudflareaccess.com" }),
      `${(await current.sign(token)).slice(0, -4)}AAAA`,
    ]) {
      assert.equal(await status(assertion), 502);
    }
  });

  it("fetches the keys again when they were changed", async (t) => {
    const { keys, status, asked } = await checkFor(t);
    assert.equal(await status(await keys.current.sign(token)), 200);
    keys.current = await SigningKeys.create();
    assert.equal(await status(await keys.current.sign(token)), 200);
    assert.equal(asked.length, 2);
  });
});
