import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { z } from "zod";
import { copyProject } from "../../local/run/project-stack";

describe("Pulumi's own loader", () => {
  // Tests and demo compile TypeScript with tsx; `pulumi up` does it with the ts-node that the SDK brings.
  it("loads and runs the program as it is, with every shipped site", () => {
    const directory = mkdtempSync(join(tmpdir(), "sitepass-loader-"));
    try {
      copyProject(directory);
      const printed = execFileSync(
        process.execPath,
        [join(__dirname, "..", "..", "bench", "pulumi-host.cjs")],
        {
          cwd: directory,
          encoding: "utf8",
          env: {
            ...process.env,
            PULUMI_CONFIG: JSON.stringify({
              "sitepass:accountId": "0123456789abcdef0123456789abcdef",
              "sitepass:zone": "example.com",
              "sitepass:endpoints":
                '{"metrics":{"hostname":"prom.example.com"},"logs":{"hostname":"loki.example.com"}}',
              "sitepass:publish": '{"tunnel":{"name":"central"}}',
              "sitepass:teamName": "acme",
              "sitepass:preflight": "false",
            }),
          },
        },
      );
      const { sites, declared } = z
        .looseObject({ sites: z.number(), declared: z.record(z.string(), z.number()) })
        .parse(JSON.parse(printed));
      assert.ok(sites > 0);
      assert.equal(
        declared["cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken"],
        sites,
      );
      assert.equal(declared["cloudflare:index/dnsRecord:DnsRecord"], 2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
