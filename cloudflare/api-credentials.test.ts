import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UserError } from "../fleet/problem";
import { findApiCredentials } from "./api-credentials";

const fromConfig = `from-config-${"0".repeat(28)}`;

describe("findApiCredentials", () => {
  const raw = { "cloudflare:apiToken": fromConfig, "cloudflare:baseUrl": "http://config.example" };
  const environment = {
    CLOUDFLARE_API_TOKEN: "from-environment",
    CLOUDFLARE_BASE_URL: "http://environment.example",
  };

  it("takes the configuration before the environment", () => {
    assert.deepEqual(findApiCredentials(raw, environment), {
      apiToken: fromConfig,
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
    assert.deepEqual(findApiCredentials({ "cloudflare:apiToken": fromConfig }, {}), {
      apiToken: fromConfig,
      baseUrl: undefined,
    });
  });

  it("finds nothing without a token, whatever the address", () => {
    assert.equal(findApiCredentials({}, { CLOUDFLARE_BASE_URL: "http://environment.example" }), undefined);
  });

  const refusals: readonly (readonly [string, Parameters<typeof findApiCredentials>, string])[] = [
    [
      "a token that ends in a carriage return",
      [{}, { CLOUDFLARE_API_TOKEN: "s3cret\r" }],
      "CLOUDFLARE_API_TOKEN: ends in a carriage return (U+000D), which no API token has.",
    ],
    [
      "a token that ends in a line break of Windows",
      [{}, { CLOUDFLARE_API_TOKEN: "s3cret\r\n" }],
      "CLOUDFLARE_API_TOKEN: ends in a carriage return (U+000D), which no API token has.",
    ],
    [
      "a token that ends in a line feed",
      [{ "cloudflare:apiToken": "s3cret\n" }, {}],
      "cloudflare:apiToken: ends in a line feed (U+000A), which no API token has.",
    ],
    [
      "a token in curly quotes",
      [{}, { CLOUDFLARE_API_TOKEN: "\u201cs3cret\u201d" }],
      "CLOUDFLARE_API_TOKEN: begins with \u201c (U+201C), which no API token has.",
    ],
    [
      "a token in straight quotes",
      [{}, { CLOUDFLARE_API_TOKEN: '"s3cret"' }],
      'CLOUDFLARE_API_TOKEN: begins with " (U+0022), which no API token has.',
    ],
    [
      "a whole header",
      [{}, { CLOUDFLARE_API_TOKEN: "Bearer s3cret" }],
      "CLOUDFLARE_API_TOKEN: has a space (U+0020) as character 7, which no API token has.",
    ],
    [
      "an invisible character",
      [{}, { CLOUDFLARE_API_TOKEN: "\ufeffs3cret" }],
      "CLOUDFLARE_API_TOKEN: begins with a byte order mark (U+FEFF), which no API token has.",
    ],
    [
      "a token that the provider finds too short",
      [{ "cloudflare:apiToken": "s3cret" }, {}],
      "cloudflare:apiToken: has 6 characters, and Pulumi's provider takes 40 to 80 in the configuration.",
    ],
    [
      "an address that ends in a line feed, though Node takes it",
      [{}, { CLOUDFLARE_BASE_URL: "http://127.0.0.1:8787/client/v4\n" }],
      "CLOUDFLARE_BASE_URL: ends in a line feed (U+000A), which no address has.",
    ],
    [
      "an address of another kind",
      [{ "cloudflare:baseUrl": "localhost:8787" }, {}],
      'cloudflare:baseUrl: is "localhost:8787", which is not a URL.',
    ],
  ];
  for (const [what, [raw, environment], says] of refusals) {
    it(`refuses ${what}, without showing the token`, () => {
      assert.throws(
        () => findApiCredentials(raw, environment),
        (error) =>
          error instanceof UserError && error.message.startsWith(says) && !error.message.includes("s3cret"),
      );
    });
  }
});
