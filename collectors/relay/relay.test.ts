import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { problemText } from "../../fleet/problem";
import { installed, textOf } from "../testing/rendered-files";
import { anySite, fullRelay, metricsRelay } from "../testing/sites";
import { relayEndpoint, relayRefusals, type RelayInput, type RelayTarget } from "./relay";
import { relays } from "./relays";

/** Why a program is not there for a test. */
const absence = (...programs: readonly string[]): string | false => {
  const absent = programs.filter((program) => spawnSync(program, ["--version"]).error !== undefined);
  return absent.length > 0 && `${absent.join(" and ")} not on PATH`;
};

describe("relay", () => {
  it("tells signals apart by a path before the write path", () => {
    assert.deepEqual(relayEndpoint(9480, "logs", ["/loki/api/v1/push", "/otlp/v1/logs"]), {
      base: "http://127.0.0.1:9480/logs",
      paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
    });
  });

  it("says how it is checked and started", () => {
    assert.deepEqual(relays.nginx.service("/etc/sitepass"), {
      unit: "sitepass-relay",
      user: "root",
      validator: {
        program: "nginx",
        args: ["-e", "stderr", "-t", "-p", "/etc/sitepass/relay", "-c", "/etc/sitepass/relay/check.conf"],
      },
      rereadsSecrets: true,
    });
    assert.deepEqual(relays.caddy.service("/etc/sitepass"), {
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
      fc.property(anySite, fc.constantFrom(...Object.values(relays)), (site, relay) => {
        const { credentials } = fullRelay;
        const endpoints = Object.fromEntries(
          Object.entries(site.endpoints).map(([signal, { paths }]) => {
            const hostname = `${signal}.example.com`;
            return [signal, { hostname, base: `https://${hostname}`, paths }];
          }),
        );
        const input: RelayInput = { ...fullRelay, endpoints };
        assert.deepEqual(relayRefusals(input), []);
        const files = relay.render(input);
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
    it(
      `renders files that ${name} itself takes, with its credentials where the installer puts them`,
      { skip: absence(name) },
      (t) => {
        const directory = installed(t, (folder) => relays[name].render({ ...fullRelay, directory: folder }));
        const check = () => {
          const { program, args } = relays[name].service(directory).validator;
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

    it(
      `renders units that systemd takes without a word, for ${name}`,
      { skip: absence("systemd-analyze", name) },
      (t) => {
        const files = relays[name].render(metricsRelay).filter(({ path }) => path.startsWith("systemd/"));
        const directory = installed(t, () => files);
        const { status, stdout, stderr } = spawnSync(
          "systemd-analyze",
          ["verify", ...files.map(({ path }) => join(directory, path))],
          { encoding: "utf8" },
        );
        assert.deepEqual([status, stdout, stderr], [0, "", ""]);
      },
    );
  }

  it(
    "fails its check where nginx would not start: without the bundle of authorities",
    { skip: absence("nginx") },
    (t) => {
      const directory = installed(t, (folder) =>
        relays.nginx.render({ ...fullRelay, directory: folder, caBundle: `${folder}/no-such-bundle.crt` }),
      );
      const { program, args } = relays.nginx.service(directory).validator;
      const { status, stderr } = spawnSync(program, args, { encoding: "utf8", cwd: "/" });
      assert.equal(status, 1);
      assert.match(stderr, /no-such-bundle\.crt/);
    },
  );

  it("has the same unit with both programs, but for the lines that are the program's own", () => {
    const [nginx, caddy] = [relays.nginx, relays.caddy].map((relay) =>
      textOf(relay.render(metricsRelay), "systemd/sitepass-relay.service").split("\nRestart="),
    );
    assert.equal(caddy?.[1], nginx?.[1]);
  });

  it("may read a home where it is installed to one", () => {
    const homeOf = (directory: string): string | undefined =>
      /^ProtectHome=.*$/m.exec(
        textOf(relays.nginx.render({ ...metricsRelay, directory }), "systemd/sitepass-relay.service"),
      )?.[0];
    assert.deepEqual(["/home/ops/sitepass", "/root/sitepass", "/homes/x"].map(homeOf), [
      "ProtectHome=read-only",
      "ProtectHome=read-only",
      "ProtectHome=yes",
    ]);
  });

  it("trusts other authorities than the system's where it is told to", () => {
    const input = { ...metricsRelay, caBundle: "/etc/pki/tls/cert.pem" };
    assert.match(
      textOf(relays.nginx.render(input), "relay/nginx.conf"),
      /^ {2}proxy_ssl_trusted_certificate \/etc\/pki\/tls\/cert\.pem;$/m,
    );
    assert.match(
      textOf(relays.caddy.render(input), "relay/Caddyfile"),
      /^\t+tls_trusted_ca_certs \/etc\/pki\/tls\/cert\.pem$/m,
    );
  });

  it("sends through the site's proxy with Caddy, and is refused with nginx", () => {
    const input = { ...fullRelay, proxy: "http://proxy.example.net:3128" };
    assert.deepEqual(relays.nginx.refusals(fullRelay), []);
    assert.deepEqual(relays.nginx.refusals(input).map(problemText), [
      "--relay: is nginx, which cannot send through the site's proxy http://proxy.example.net:3128. Take caddy (relay: caddy in the site's file, or --relay caddy), or no relay.",
    ]);
    assert.deepEqual(relays.caddy.refusals(input), []);
    assert.doesNotMatch(textOf(relays.caddy.render(fullRelay), "relay/Caddyfile"), /proxy url/);
    assert.equal(
      textOf(relays.caddy.render(input), "relay/Caddyfile").match(
        /^\t+network_proxy url http:\/\/proxy\.example\.net:3128$/gm,
      )?.length,
      3,
    );
    assert.match(relays.caddy.notes(input)[1] ?? "", /^Caddy sends through a proxy since 2\.10 only/);
    assert.deepEqual(relayRefusals({ ...input, proxy: "http://a b:1" }).map(problemText), [
      "proxy: is not the address of an HTTP proxy with its port. Write it as in http://proxy.example.net:3128.",
    ]);
  });

  it("takes a dot in a path for a dot", () => {
    const { endpoints } = withMetrics({ paths: ["/v1.0/write"] });
    assert.match(
      textOf(relays.caddy.render({ ...metricsRelay, endpoints: endpoints ?? {} }), "relay/Caddyfile"),
      /path_regexp \^\/metrics\/v1\\\.0\/write\$$/m,
    );
  });
});

const refusals = (changes: Partial<RelayInput>): readonly string[] =>
  relayRefusals({ ...fullRelay, ...changes }).map(problemText);

function withMetrics(changes: Partial<RelayTarget>): Partial<RelayInput> {
  const usual = {
    hostname: "prom.example.com",
    base: "https://prom.example.com",
    paths: ["/api/v1/write"],
  } as const;
  return { endpoints: { metrics: { ...usual, ...changes } } };
}

describe("relayRefusals", () => {
  it("has nothing against what the configuration lets through, nor against a stand-in on loopback", () => {
    assert.deepEqual(relayRefusals(fullRelay), []);
    assert.deepEqual(refusals(withMetrics({ base: "http://127.0.0.1:41234" })), []);
    assert.deepEqual(refusals(withMetrics({ paths: ["/~ops/v1.0/write_it-all"] })), []);
    assert.deepEqual(refusals({ directory: "/opt/site-pass+1/@x_y", caBundle: "/etc/ssl/cert.pem" }), []);
    const clientSecret = "0123456789abcdef".repeat(4);
    assert.deepEqual(refusals({ credentials: { clientId: "x.access", clientSecret } }), []);
  });

  it("refuses ports that need rights, and none at all", () => {
    for (const port of [0, 80, 1023, 65_536, -1, 9480.5, Number.NaN]) {
      assert.deepEqual(refusals({ port }), [
        `--relay-port: is ${port}, which is not a port from 1024 to 65535. Name one of them: the relay runs without the right to others.`,
      ]);
    }
  });

  it("refuses folders that would have to be quoted", () => {
    for (const directory of [
      "etc/sitepass",
      "/etc/site pass",
      '/etc/"x"',
      "/etc/x;",
      "/etc/$x",
      "/etc/%h",
      "/x\n",
      "",
      "/",
      "/etc/sitepass/",
      "/srv/../home/ops",
    ]) {
      assert.deepEqual(refusals({ directory }), [
        `--install-dir: is "${directory}", and nginx, Caddy and systemd quote paths differently. Name an absolute path of letters, digits and ._@+- alone, without a slash at the end.`,
      ]);
    }
  });

  it("refuses credentials with characters that break out of quotes, without showing them", () => {
    for (const bad of ['a"b', "a'b", "a b", "a\nb", "a\\b", "a$b", "a{b}", "a;b", "a`b", "a#b", "é"]) {
      const told = refusals({ credentials: { clientId: `${bad}.access`, clientSecret: `cfast_${bad}` } });
      assert.deepEqual(told, [
        "clientId: has characters that no client ID or secret of Cloudflare's has, such as a quote or a line break. Take the site's credentials from the stack again.",
        "clientSecret: has characters that no client ID or secret of Cloudflare's has, such as a quote or a line break. Take the site's credentials from the stack again.",
      ]);
    }
    assert.deepEqual(refusals({ credentials: { clientId: "x.access", clientSecret: "" } }), [
      "clientSecret: is empty. Take the site's credentials from the stack again.",
    ]);
  });

  it("refuses to send the secret anywhere but to the host itself", () => {
    for (const base of [
      "http://prom.example.com",
      "https://evil.example.com",
      "https://prom.example.com.evil.example",
      "https://prom.example.com/",
      "https://prom.example.com:8443",
      "http://127.0.0.1",
      "http://127.0.0.1:1@evil.example",
      "http://10.0.0.1:80",
    ]) {
      assert.deepEqual(refusals(withMetrics({ base })), [
        `sitepass:endpoints.metrics: is reached at "${base}". The relay sends the secret to https://prom.example.com alone, or to a stand-in on 127.0.0.1.`,
      ]);
    }
  });

  it("refuses hosts and paths that break out of their place, all at once", () => {
    const endpoints = {
      metrics: { hostname: "prom;", base: "https://prom;", paths: ["/a b"] as const },
      logs: {
        hostname: "loki.example.com",
        base: "https://loki.example.com",
        paths: ["/a/$x", "/{a}", "/ok"] as const,
      },
    };
    assert.deepEqual(refusals({ endpoints, port: 1 }), [
      "--relay-port: is 1, which is not a port from 1024 to 65535. Name one of them: the relay runs without the right to others.",
      'sitepass:endpoints.metrics.hostname: is "prom;", which is not a host name in lower case. Write it as in prom.example.com, names in other scripts in punycode.',
      'sitepass:endpoints.metrics.paths: has "/a b". Write it as in /api/v1/write.',
      'sitepass:endpoints.logs.paths: has "/a/$x". Write it as in /api/v1/write.',
      'sitepass:endpoints.logs.paths: has "/{a}". Write it as in /api/v1/write.',
    ]);
  });
});
