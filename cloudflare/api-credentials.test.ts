import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findCloudflareAccess } from "./api-credentials";

describe("findCloudflareAccess", () => {
  const raw = { "cloudflare:apiToken": "from-config", "cloudflare:baseUrl": "http://config.example" };
  const environment = {
    CLOUDFLARE_API_TOKEN: "from-environment",
    CLOUDFLARE_BASE_URL: "http://environment.example",
  };

  it("takes the configuration before the environment", () => {
    assert.deepEqual(findCloudflareAccess(raw, environment), {
      apiToken: "from-config",
      baseUrl: "http://config.example",
    });
  });

  it("takes what is in the environment alone", () => {
    assert.deepEqual(findCloudflareAccess({}, environment), {
      apiToken: "from-environment",
      baseUrl: "http://environment.example",
    });
  });

  it("takes token and address from different places", () => {
    assert.deepEqual(findCloudflareAccess({ "cloudflare:baseUrl": "http://config.example" }, environment), {
      apiToken: "from-environment",
      baseUrl: "http://config.example",
    });
  });

  it("takes an empty text for nothing", () => {
    assert.deepEqual(
      findCloudflareAccess({ "cloudflare:apiToken": "", "cloudflare:baseUrl": "" }, environment),
      { apiToken: "from-environment", baseUrl: "http://environment.example" },
    );
    assert.equal(
      findCloudflareAccess({ "cloudflare:apiToken": "" }, { CLOUDFLARE_API_TOKEN: "" }),
      undefined,
    );
  });

  it("leaves the address open when none is given", () => {
    assert.deepEqual(findCloudflareAccess({ "cloudflare:apiToken": "from-config" }, {}), {
      apiToken: "from-config",
      baseUrl: undefined,
    });
  });

  it("finds nothing without a token, whatever the address", () => {
    assert.equal(findCloudflareAccess({}, { CLOUDFLARE_BASE_URL: "http://environment.example" }), undefined);
  });
});
