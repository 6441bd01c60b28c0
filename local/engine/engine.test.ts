import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requireLoopback } from "./loopback";

describe("requireLoopback", () => {
  it("accepts addresses of this machine", () => {
    for (const address of [
      "http://127.0.0.1:8799/client/v4",
      "http://127.8.9.1/client/v4",
      "http://[::1]:8799/client/v4",
      "http://localhost:8799/client/v4",
    ]) {
      assert.equal(requireLoopback(address), address);
    }
  });

  it("refuses Cloudflare itself, other machines, and names that only look local", () => {
    for (const address of [
      "https://api.cloudflare.com/client/v4",
      "http://10.0.0.1:8799/client/v4",
      "http://127.0.0.1.example.com/client/v4",
      "http://localhost.example.com/client/v4",
      "http://example.com/?http://127.0.0.1",
      "http://user:127.0.0.1@example.com/",
      "nonsense",
    ]) {
      assert.throws(() => requireLoopback(address), {
        name: "UserError",
        message: `CLOUDFLARE_BASE_URL: is "${address}", which is not on this machine. This engine is for the stand-in only; for an account at Cloudflare use \`pulumi up\`.`,
      });
    }
  });

  it("refuses to fall back to Cloudflare when no address is given", () => {
    assert.throws(() => requireLoopback(undefined), {
      name: "UserError",
      message:
        "CLOUDFLARE_BASE_URL: is not set. Start `npm run standin` and export what it prints; for an account at Cloudflare use `pulumi up`.",
    });
  });
});
