import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findApiCredentials } from "./api-credentials";

describe("findApiCredentials", () => {
  const raw = { "cloudflare:apiToken": "from-config", "cloudflare:baseUrl": "http://config.example" };
  const environment = {
    CLOUDFLARE_API_TOKEN: "from-environment",
    CLOUDFLARE_BASE_URL: "http://environment.example",
  };

  it("takes the configuration before the environment", () => {
    assert.deepEqual(findApiCredentials(raw, environment), {
      apiToken: "from-config",
      baseUrl: "http://config.example",
    });
  });

  it("takes what is in the environment alone", () => {
    assert.deepEqual(findApiCredentials({}, environment), {
      apiToken: "from-environment",
      baseUrl: "http://environment.example",
    });
  });

  it("takes token and address from different places", () => {
    assert.deepEqual(findApiCredentials({ "cloudflare:baseUrl": "http://config.example" }, environment), {
      apiToken: "from-environment",
      baseUrl: "http://config.example",
    });
  });

  it("takes an empty text for nothing", () => {
    assert.deepEqual(
      findApiCredentials({ "cloudflare:apiToken": "", "cloudflare:baseUrl": "" }, environment),
      { apiToken: "from-environment", baseUrl: "http://environment.example" },
    );
    assert.equal(findApiCredentials({ "cloudflare:apiToken": "" }, { CLOUDFLARE_API_TOKEN: "" }), undefined);
  });

  it("leaves the address open when none is given", () => {
    assert.deepEqual(findApiCredentials({ "cloudflare:apiToken": "from-config" }, {}), {
      apiToken: "from-config",
      baseUrl: undefined,
    });
  });

  it("finds nothing without a token, whatever the address", () => {
    assert.equal(findApiCredentials({}, { CLOUDFLARE_BASE_URL: "http://environment.example" }), undefined);
  });
});
