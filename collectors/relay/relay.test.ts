import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { anySite } from "../testing/sites";
import { relayEndpoint, relayRefusals, relayService, renderRelay, type RelayInput } from "./relay";
import { fullRelay } from "../testing/sites";

describe("relay", () => {
  it("tells signals apart by a path before the write path", () => {
    assert.deepEqual(relayEndpoint(9480, "logs", ["/loki/api/v1/push", "/otlp/v1/logs"]), {
      base: "http://127.0.0.1:9480/logs",
      paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
    });
  });

  it("says how it is checked and started", () => {
    assert.deepEqual(relayService("nginx", "/etc/sitepass"), {
      unit: "sitepass-relay",
      user: "root",
      validator: {
        program: "nginx",
        args: ["-e", "stderr", "-t", "-p", "/etc/sitepass/relay", "-c", "/etc/sitepass/relay/check.conf"],
      },
      rereadsSecrets: true,
    });
    assert.deepEqual(relayService("caddy", "/etc/sitepass"), {
      unit: "sitepass-relay",
      user: "caddy",
      validator: {
        program: "caddy",
        args: ["validate", "--adapter", "caddyfile", "--config", "/etc/sitepass/relay/Caddyfile"],
      },
      rereadsSecrets: true,
    });
  });

  it("keeps the credentials in one file of mode 0600, for any site", () => {
    fc.assert(
      fc.property(anySite, fc.constantFrom("nginx", "caddy"), (site, name) => {
        const { credentials } = fullRelay;
        const endpoints = Object.fromEntries(
          Object.entries(site.endpoints).map(([signal, { paths }]) => {
            const hostname = `${signal}.example.com`;
            return [signal, { hostname, base: `https://${hostname}`, paths }];
          }),
        );
        const input: RelayInput = { ...fullRelay, endpoints };
        assert.deepEqual(relayRefusals(input), []);
        const files = renderRelay(name, input);
        const [secret, ...others] = files.filter(({ mode }) => mode === 0o600);
        assert.deepEqual(others, []);
        assert.equal(dirname(secret?.path ?? ""), "relay/credentials");
        for (const file of files) {
          assert.equal(file.content.includes(credentials.clientSecret), file === secret, file.path);
          assert.equal(file.content.includes(credentials.clientId), file === secret, file.path);
          assert.ok(file.content.endsWith("\n"), file.path);
        }
      }),
      { numRuns: 50 },
    );
  });

  for (const name of ["nginx", "caddy"] as const) {
    const skip = spawnSync(name, ["--version"]).error === undefined ? undefined : `${name} not on PATH`;
    it(
      `renders files that ${name} itself takes, with its credentials where the installer puts them`,
      { skip },
      (t) => {
        const directory = mkdtempSync(join(tmpdir(), "sitepass-relay-"));
        t.after(() => {
          rmSync(directory, { recursive: true, force: true });
        });
        for (const { path, mode, content } of renderRelay(name, { ...fullRelay, directory })) {
          mkdirSync(dirname(join(directory, path)), { recursive: true });
          writeFileSync(join(directory, path), content, { mode });
        }
        const check = () => {
          const { program, args } = relayService(name, directory).validator;
          return spawnSync(program, args, { encoding: "utf8", cwd: "/" });
        };
        const { status, stderr } = check();
        assert.equal(status, 0, stderr);
        assert.doesNotMatch(stderr, /warn.*(?:nginx|Caddyfile)|not formatted/);
        // What the check says depends on the files, and on all of them.
        rmSync(join(directory, "relay/credentials"), { recursive: true });
        assert.equal(check().status, 1);
      },
    );
  }
});
