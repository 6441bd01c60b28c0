import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { testSite } from "../operate/rotate/test-sites";
import type { SiteCredentials } from "../stack/stack-outputs";
import type { Config } from "../fleet/config";
import { provisioned } from "./provisioned";

const config: Pick<Config, "endpoints"> = {
  endpoints: [
    { signal: "metrics", hostname: "prom.example.com", paths: ["/api/v1/write"], origin: "" },
    {
      signal: "logs",
      hostname: "loki.example.com",
      paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
      origin: "",
    },
  ],
};

const credentials: SiteCredentials = {
  clientId: "tokyo.access",
  clientSecret: "a secret",
  expiresAt: "",
  endpoints: { metrics: "https://prom.example.com/api/v1/write" },
};

const tokyo = testSite("tokyo");
const found = (given: SiteCredentials, site = tokyo) =>
  provisioned(site, config, { sites: { tokyo: given }, endpoints: {} });

describe("provisioned", () => {
  it("finds what the last up made", () => {
    assert.deepEqual(found(credentials), { credentials });
  });

  it("refuses a site that has no token yet, and one whose secret nobody knows", () => {
    assert.deepEqual(provisioned(testSite("kyoto"), config, { sites: {}, endpoints: {} }), {
      problem: "sites/kyoto.yaml: has no service token yet. Run `pulumi up` first.",
    });
    assert.deepEqual(found({ ...credentials, clientSecret: "" }), {
      problem:
        "sites/tokyo.yaml: its service token was adopted, and Cloudflare shows a secret only once. Rotate it with `sitepass rotate tokyo` and `pulumi up`.",
    });
  });

  it("refuses a file that says something else than the stack", () => {
    assert.deepEqual(found(credentials, { ...tokyo, signals: ["metrics", "logs"] }), {
      problem:
        "sites/tokyo.yaml: pushes to https://prom.example.com/api/v1/write and https://loki.example.com/loki/api/v1/push, and the last up made https://prom.example.com/api/v1/write. Run `pulumi up` first.",
    });
    assert.deepEqual(found({ ...credentials, endpoints: {} }), {
      problem:
        "sites/tokyo.yaml: pushes to https://prom.example.com/api/v1/write, and the last up made nothing. Run `pulumi up` first.",
    });
  });
});
