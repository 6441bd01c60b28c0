import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { success } from "../fleet/problem";
import { problemTexts } from "../fleet/testing/problem-texts";
import type { SiteCredentials } from "../stack/stack-outputs";
import { credentialsText, siteCredentials } from "./credentials";
import { testConfig } from "./testing/sites";
import { testSite } from "../fleet/testing/test-site";
import fc from "fast-check";
import "../test/support/fixed-seed";

const credentials = {
  clientId: "0123.access",
  clientSecret: "cfast_secret",
  expiresAt: "2027-01-01T00:00:00Z",
  endpoints: { metrics: "https://prom.example.com/api/v1/write" },
};

const name = { name: "sitepass-tokyo", namespace: undefined };

describe("credentialsText", () => {
  it("writes plain assignments, without quotes that Docker would take for part of a value", () => {
    assert.equal(
      credentialsText("env", "tokyo", credentials, name),
      "CF_ACCESS_CLIENT_ID=0123.access\nCF_ACCESS_CLIENT_SECRET=cfast_secret\nSITEPASS_SITE=tokyo\nSITEPASS_METRICS_URL=https://prom.example.com/api/v1/write\n",
    );
  });

  it("quotes for a shell whatever it would take apart", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).filter((text) => !/[\0\uFFFD]/.test(text)),
        (clientSecret) => {
          const text = credentialsText("env", "tokyo", { ...credentials, clientSecret }, name);
          const script = `${text}printf '%s' "$CF_ACCESS_CLIENT_SECRET"`;
          assert.equal(execFileSync("sh", ["-c", script], { encoding: "utf8" }), clientSecret);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("writes JSON with everything that the outputs have", () => {
    assert.deepEqual(JSON.parse(credentialsText("json", "tokyo", credentials, name)), {
      site: "tokyo",
      ...credentials,
    });
  });

  it("writes a Secret whose keys can be environment variables, with a namespace only when one is named", () => {
    const manifest = (namespace: string | undefined): unknown =>
      parse(credentialsText("kubernetes", "tokyo", credentials, { name: "pass", namespace }));
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const labels = { "app.kubernetes.io/managed-by": "sitepass", "sitepass/site": "tokyo" };
    const expected = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "pass", labels },
      type: "Opaque",
      data: {
        CF_ACCESS_CLIENT_ID: base64("0123.access"),
        CF_ACCESS_CLIENT_SECRET: base64("cfast_secret"),
        SITEPASS_SITE: base64("tokyo"),
        SITEPASS_METRICS_URL: base64("https://prom.example.com/api/v1/write"),
      },
    };
    assert.deepEqual(manifest(undefined), expected);
    assert.deepEqual(manifest("monitoring"), {
      ...expected,
      metadata: { name: "pass", namespace: "monitoring", labels },
    });
  });
});

const madeByUp: SiteCredentials = {
  clientId: "tokyo.access",
  clientSecret: "a secret",
  expiresAt: "",
  endpoints: { metrics: "https://prom.example.com/api/v1/write" },
};

const tokyo = testSite("tokyo");
const found = (given: SiteCredentials, site = tokyo) =>
  siteCredentials(site, testConfig, { sites: { tokyo: given }, endpoints: {} });

describe("siteCredentials", () => {
  it("finds what the last up made", () => {
    assert.deepEqual(found(madeByUp), success(madeByUp));
  });

  it("refuses a site that has no token yet, and one whose secret nobody knows", () => {
    assert.deepEqual(
      problemTexts(siteCredentials(testSite("kyoto"), testConfig, { sites: {}, endpoints: {} })),
      ["sites/kyoto.yaml: has no service token yet. Run `pulumi up` first."],
    );
    assert.deepEqual(problemTexts(found({ ...madeByUp, clientSecret: "" })), [
      "sites/tokyo.yaml: its service token was adopted, and Cloudflare shows a secret only once. Rotate it with `npx sitepass rotate tokyo` and `pulumi up`.",
    ]);
  });

  it("refuses a file that says something else than the stack", () => {
    assert.deepEqual(problemTexts(found(madeByUp, { ...tokyo, signals: ["metrics", "logs"] })), [
      "sites/tokyo.yaml: pushes to https://prom.example.com/api/v1/write and https://loki.example.com/loki/api/v1/push, and the last up made https://prom.example.com/api/v1/write. Run `pulumi up` first.",
    ]);
    assert.deepEqual(problemTexts(found({ ...madeByUp, endpoints: {} })), [
      "sites/tokyo.yaml: pushes to https://prom.example.com/api/v1/write, and the last up made nothing. Run `pulumi up` first.",
    ]);
  });
});
