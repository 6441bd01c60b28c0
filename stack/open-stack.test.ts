import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { stringify } from "yaml";
import { openStack, type StackReader } from "./open-stack";

const notAsked = () => Promise.reject(new Error("is not asked"));
const reader: StackReader = {
  outputs: notAsked,
  resources: notAsked,
  exportState: notAsked,
  secretConfig: notAsked,
};

const configuration = {
  "sitepass:accountId": "0123456789abcdef0123456789abcdef",
  "sitepass:zone": "example.com",
  "sitepass:endpoints": { metrics: { hostname: "prom.example.com" } },
  "sitepass:publish": { tunnel: { name: "central" } },
};

describe("openStack", () => {
  it("opens a stack with the sites of its shard, and knows the others", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "sitepass-open-"));
    t.after(() => {
      rmSync(directory, { recursive: true });
    });
    mkdirSync(join(directory, "sites"));
    writeFileSync(join(directory, "Pulumi.yaml"), "name: sitepass\n");
    writeFileSync(join(directory, "sites", "berlin.yaml"), "shard: eu\n");
    writeFileSync(join(directory, "sites", "lima.yaml"), "");
    const open = (shard: unknown) => {
      const config = { ...configuration, "sitepass:shard": shard };
      writeFileSync(join(directory, "Pulumi.prod.yaml"), stringify({ config }));
      const { sites, elsewhere } = openStack(directory, "acme/sitepass/prod", reader);
      return [sites, elsewhere].map((some) => some.map(({ name }) => name));
    };
    assert.deepEqual(open("eu"), [["berlin"], ["lima"]]);
    assert.deepEqual(open(""), [["lima"], ["berlin"]]);
    assert.throws(() => open({ secure: "v1:abc" }), {
      message:
        "sitepass:shard: is encrypted, and commands and other stacks have to read it. Set it without --secret.",
    });
  });

  it("refuses what is encrypted, in place of going by the default", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "sitepass-open-"));
    t.after(() => {
      rmSync(directory, { recursive: true });
    });
    mkdirSync(join(directory, "sites"));
    writeFileSync(join(directory, "Pulumi.yaml"), "name: sitepass\nconfig: { tenant: { default: '' } }\n");
    writeFileSync(join(directory, "sites", "lima.yaml"), "");
    const secure = { secure: "v1:abc" };
    const config = { ...configuration, "sitepass:tenant": secure, "sitepass:zone": secure };
    writeFileSync(join(directory, "Pulumi.prod.yaml"), stringify({ config }));
    const todo = "is encrypted, and commands and other stacks have to read it. Set it without --secret.";
    assert.throws(() => openStack(directory, "prod", reader), {
      message: `sitepass:zone: ${todo}\nsitepass:tenant: ${todo}`,
    });
    const withToken = { ...configuration, "cloudflare:apiToken": secure };
    writeFileSync(join(directory, "Pulumi.prod.yaml"), stringify({ config: withToken }));
    assert.equal(openStack(directory, "prod", reader).config.tenant, "");
  });
});
