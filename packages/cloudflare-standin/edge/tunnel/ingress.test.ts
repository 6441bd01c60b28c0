import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goPath } from "../request-url";
import { compileIngress, findRule } from "./ingress";

const last = { service: "http_status:404" };

function serviceFor(rule: { hostname?: string; path?: string }, host: string, target: string): string {
  const rules = compileIngress({ ingress: [{ ...rule, service: "http://found" }, last] });
  return findRule(rules, host, goPath(target) ?? Buffer.alloc(0)).service;
}

describe("compileIngress", () => {
  it("matches a path without anchors unless the pattern has them, on what Go decoded and did not normalise", () => {
    const loose = (target: string): string => serviceFor({ path: "/loki/api/v1/push" }, "a", target);
    const strict = (target: string): string => serviceFor({ path: "^/api/v1/write$" }, "a", target);
    assert.deepEqual(
      [
        "/loki/api/v1/push",
        "/foo/loki/api/v1/pushXYZ",
        "/loki/api/v1/push/../../../../config",
        "/loki%2Fapi/v1/push?x",
        "/x?/loki/api/v1/push",
      ].map(loose),
      ["http://found", "http://found", "http://found", "http://found", "http_status:404"],
    );
    assert.deepEqual(
      [
        "/api/v1/write",
        "/api/v1/write?x",
        "/api%2fv1/%77rite",
        "/api/v1/write/",
        "/api/v1/write%0a",
        "/\u00e9",
      ].map(strict),
      [
        "http://found",
        "http://found",
        "http://found",
        "http_status:404",
        "http_status:404",
        "http_status:404",
      ],
    );
  });

  it("takes Go's own syntax, and no look-around", () => {
    assert.equal(serviceFor({ path: "(?i)^/API$" }, "a", "/api"), "http://found");
    assert.equal(serviceFor({ path: "\\A/\\d+\\z" }, "a", "/1"), "http://found");
    assert.throws(() => compileIngress({ ingress: [{ path: "^/(?!x)", service: "http://a" }, last] }));
  });

  it("matches host names in full or by suffix after a wildcard", () => {
    const at = (hostname: string, host: string): boolean =>
      serviceFor({ hostname, path: "." }, host, "/") === "http://found";
    assert.deepEqual(
      [
        at("a.example.com", "a.example.com"),
        at("a.example.com", "b.example.com"),
        at("*.example.com", "a.b.example.com"),
        at("*.example.com", "example.com"),
        at("*", "anything"),
        at("", "anything"),
      ],
      [true, false, true, false, true, true],
    );
  });

  it("inherits the Host header of the top level, and no check of assertions", () => {
    const access = { required: true, teamName: "team", audTag: ["a"] };
    const [own, inheriting] = compileIngress({
      ingress: [{ path: "x", service: "http://a", originRequest: { httpHostHeader: "own", access } }, last],
      originRequest: { httpHostHeader: "top", access },
    });
    assert.deepEqual([own?.hostHeader, inheriting?.hostHeader], ["own", "top"]);
    assert.deepEqual([own?.check === undefined, inheriting?.check === undefined], [false, true]);
  });

  it("answers 503 for no rules at all", () => {
    assert.equal(findRule(compileIngress({}), "a", Buffer.from("/")).service, "http_status:503");
  });
});
