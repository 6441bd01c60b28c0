import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDeployment } from "./stack-resources";

describe("parseDeployment", () => {
  it("reads what a stack holds, without what is only waiting to be deleted", () => {
    const deployment = {
      manifest: {},
      resources: [
        {
          urn: "urn:pulumi:prod::sitepass::pulumi:pulumi:Stack::sitepass-prod",
          custom: false,
          type: "pulumi:pulumi:Stack",
        },
        {
          urn: "urn:pulumi:prod::sitepass::sitepass:provision:SitePasses$cloudflare:index/t:T::a::b",
          custom: true,
          id: "1",
          type: "cloudflare:index/t:T",
          inputs: { secret: "hidden" },
        },
        {
          urn: "urn:pulumi:prod::sitepass::cloudflare:index/t:T::c",
          custom: true,
          delete: true,
          id: "2",
          type: "cloudflare:index/t:T",
        },
      ],
    };
    assert.deepEqual(parseDeployment(deployment, "prod"), [
      {
        urn: "urn:pulumi:prod::sitepass::pulumi:pulumi:Stack::sitepass-prod",
        type: "pulumi:pulumi:Stack",
        name: "sitepass-prod",
        id: "",
      },
      {
        urn: "urn:pulumi:prod::sitepass::sitepass:provision:SitePasses$cloudflare:index/t:T::a::b",
        type: "cloudflare:index/t:T",
        name: "a::b",
        id: "1",
      },
    ]);
  });

  it("reads where a tunnel leads each host, and who may pass there", () => {
    const rule = {
      hostname: "prom.example.com",
      path: "^/api/v1/write$",
      service: "unix:/run/sitepass/metrics.sock",
      originRequest: {
        __defaults: [],
        access: { audTags: ["a1"], required: true, teamName: "example-team" },
      },
    };
    const urn = "urn:pulumi:prod::sitepass::cloudflare:index/c:C::tunnel-ingress";
    const ingresses = [
      rule,
      { path: "^/api/v1/write$", service: "http_status:503" },
      { service: "http_status:404" },
    ];
    const deployment = {
      resources: [{ urn, type: "cloudflare:index/c:C", id: "1", inputs: { config: { ingresses } } }],
    };
    assert.deepEqual(parseDeployment(deployment, "prod")[0]?.ingress, [
      {
        hostname: "prom.example.com",
        service: "unix:/run/sitepass/metrics.sock",
        teamName: "example-team",
        audiences: ["a1"],
      },
    ]);
  });

  it("takes a stack that was never up for one that holds nothing", () => {
    for (const deployment of [null, undefined, {}, { resources: null }, { resources: [] }]) {
      assert.deepEqual(parseDeployment(deployment, "prod"), []);
    }
  });

  it("refuses what is not a deployment", () => {
    assert.throws(() => parseDeployment({ resources: "none" }, "prod"), {
      name: "UserError",
      message:
        "stack prod: `pulumi stack export` gave something that is not a deployment. Update the Pulumi CLI, and name the right stack with --stack.",
    });
  });
});
