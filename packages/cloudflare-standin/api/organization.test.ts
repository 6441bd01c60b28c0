import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { account_id, failureOf, refuses, send, standInFor } from "../testing/stand-in";

describe("organization", () => {
  it("has the team's auth domain, and strict mode off", async (t) => {
    const { client } = await standInFor(t, { teamName: "acme" });
    assert.deepEqual(await client.zeroTrust.organizations.list({ account_id }), {
      name: "acme",
      auth_domain: "acme.cloudflareaccess.com",
      allow_authenticate_via_warp: false,
      auto_redirect_to_identity: false,
      deny_unmatched_requests: false,
      is_ui_read_only: false,
      session_duration: "24h",
      strict_service_token_auth: false,
    });
  });

  it("changes only what PUT or PATCH names", async (t) => {
    const { api, client } = await standInFor(t);
    await client.zeroTrust.organizations.update({ account_id, strict_service_token_auth: true });
    await send(api, "PATCH", `/accounts/${account_id}/access/organizations`, { name: "Acme" });
    const { name, strict_service_token_auth, auth_domain } = await client.zeroTrust.organizations.list({
      account_id,
    });
    assert.deepEqual(
      [name, strict_service_token_auth, auth_domain],
      ["Acme", true, "example-team.cloudflareaccess.com"],
    );
  });

  it("refuses a foreign auth domain and unknown fields", async (t) => {
    const { api, client } = await standInFor(t);
    await refuses(
      client.zeroTrust.organizations.update({ account_id, auth_domain: "acme.example.com" }),
      400,
      12130,
      "access.api.error.invalid_request: invalid auth_domain 'acme.example.com'",
    );
    const { envelope } = await send(api, "PATCH", `/accounts/${account_id}/access/organizations`, {
      strict: true,
    });
    assert.deepEqual(envelope, failureOf(400, 'unknown field "strict"'));
  });
});
