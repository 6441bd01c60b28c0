import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { relayRefusals, type RelayInput, type RelayTarget } from "./relay";
import { fullRelay } from "../testing/sites";

const refusals = (changes: Partial<RelayInput>): readonly string[] =>
  relayRefusals({ ...fullRelay, ...changes });

function withMetrics(changes: Partial<RelayTarget>): Partial<RelayInput> {
  const usual = {
    hostname: "prom.example.com",
    base: "https://prom.example.com",
    paths: ["/api/v1/write"],
  } as const;
  return { endpoints: { metrics: { ...usual, ...changes } } };
}

describe("relayRefusals", () => {
  it("has nothing against what the configuration lets through, nor against an imitation on loopback", () => {
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
        `--relay-port: is ${port}. Name a port from 1024 to 65535: the relay runs without the right to others.`,
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
    ]) {
      assert.deepEqual(refusals({ directory }), [
        `--install-dir: is "${directory}", and nginx, Caddy and systemd quote paths differently. Name an absolute path of letters, digits and ._@+- alone.`,
      ]);
    }
  });

  it("refuses credentials with characters that break out of quotes, without showing them", () => {
    for (const bad of ['a"b', "a'b", "a b", "a\nb", "a\\b", "a$b", "a{b}", "a;b", "a`b", "a#b", "é"]) {
      const told = refusals({ credentials: { clientId: `${bad}.access`, clientSecret: `cfast_${bad}` } });
      assert.deepEqual(told, [
        "clientId: has characters that no client ID or secret of Cloudflare's has, such as a quote or a line's end. Take the site's credentials from the stack again.",
        "clientSecret: has characters that no client ID or secret of Cloudflare's has, such as a quote or a line's end. Take the site's credentials from the stack again.",
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
        `endpoints.metrics: is reached at "${base}". The relay sends the secret to https://prom.example.com alone, or to an imitation on 127.0.0.1.`,
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
      "--relay-port: is 1. Name a port from 1024 to 65535: the relay runs without the right to others.",
      'endpoints.metrics.hostname: is "prom;", which is no host name in lower case. Write it as in prom.example.com, names in other scripts in punycode.',
      'endpoints.metrics.paths: has "/a b". Write it as in /api/v1/write.',
      'endpoints.logs.paths: has "/a/$x". Write it as in /api/v1/write.',
      'endpoints.logs.paths: has "/{a}". Write it as in /api/v1/write.',
    ]);
  });
});
