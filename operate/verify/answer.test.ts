import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Publish } from "../../fleet/config";
import { classify, describeAnswer } from "./answer";

interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What an answer through Cloudflare is taken for, in words. */
function taken({ status, headers = {}, body = "" }: HttpAnswer, publish: Publish["kind"] = "tunnel"): string {
  const all = new Map(Object.entries({ "cf-ray": "8f-AMS", ...headers }));
  return describeAnswer(classify({ status, headers: all, body }, publish));
}

const html = { "content-type": "text/html; charset=UTF-8" };
const plain = { "content-type": "text/plain; charset=utf-8" };

describe("classify", () => {
  it("knows Access by its headers, its words and its login page", () => {
    const forbidden = { status: 403, headers: html };
    assert.equal(
      taken({ ...forbidden, headers: { ...html, "cf-access-aud": "f".repeat(64) } }),
      "403 from Access",
    );
    assert.equal(
      taken({ ...forbidden, body: "<h1>You don't have permission to view this.</h1>" }),
      "403 from Access",
    );
    assert.equal(taken({ status: 401, headers: html, body: "<h1>Unauthorized</h1>" }), "401 from Access");
    assert.equal(taken({ status: 401 }), "401 from Access");
    const authenticate = { "www-authenticate": 'Cloudflare-Access resource_metadata="x"' };
    assert.equal(taken({ status: 401, headers: authenticate }), "401 from Access");
    for (const location of [
      "https://team.cloudflareaccess.com/cdn-cgi/access/login/prom.example.com?kid=1&meta=secret",
      "/cdn-cgi/access/login?x",
    ]) {
      assert.equal(
        taken({ status: 302, headers: { location } }),
        "302, a redirect to Access' login page",
        location,
      );
    }
  });

  it("knows the gate of the central host, and a store behind it, whatever they answer", () => {
    const by = (gate: string) => ({ ...plain, "x-sitepass-gate": gate });
    assert.equal(
      taken({ status: 503, headers: by("unknown-client"), body: "Refused by the gate: unknown-client\n" }),
      "503 from the gate of the central host (unknown-client)",
    );
    assert.equal(
      taken({ status: 401, headers: by("signature") }),
      "401 from the gate of the central host (signature)",
    );
    assert.equal(taken({ status: 204, headers: by("handed-on") }), '204 "No Content" from the origin');
  });

  it("shows of any other redirect the host alone", () => {
    assert.equal(
      taken({ status: 301, headers: { location: "https://www.example.com/?token=x" } }),
      "301, a redirect to www.example.com",
    );
    assert.equal(taken({ status: 302, headers: { location: "/graph" } }), "302, a redirect to the same host");
    assert.equal(taken({ status: 302 }), "302, a redirect to the same host");
  });

  it("knows bot protection by its header, its code, or an HTML page that is not Access'", () => {
    assert.equal(
      taken({ status: 403, headers: { ...html, "cf-mitigated": "challenge" } }),
      "403 from bot protection (cf-mitigated: challenge)",
    );
    assert.equal(
      taken({ status: 403, headers: plain, body: "error code: 1010\n" }),
      "403 from bot protection (error code 1010)",
    );
    assert.equal(
      taken({ status: 403, headers: html, body: '<span class="cf-error-code">1020</span>' }),
      "403 from bot protection (error code 1020)",
    );
    assert.equal(
      taken({ status: 403, headers: html, body: "<title>Sorry</title>" }),
      "403 from bot protection (an HTML page)",
    );
    assert.equal(
      taken({ status: 429, headers: plain, body: "error code: 1015" }),
      "429 from Cloudflare's rate limiting (error code 1015)",
    );
  });

  it("knows cloudflared by an answer without body and type, where there is a tunnel", () => {
    for (const status of [403, 404, 502, 503]) {
      assert.equal(taken({ status }), `${status} from cloudflared`);
    }
    assert.equal(taken({ status: 404 }, "addresses"), '404 "Not Found" from the origin');
    assert.equal(taken({ status: 403 }, "addresses"), '403 "Forbidden" from the origin');
    assert.equal(taken({ status: 502 }, "addresses"), "502 from Cloudflare");
  });

  it("knows Cloudflare's network by its codes, in text and in HTML", () => {
    assert.equal(
      taken({ status: 530, headers: plain, body: "error code: 1033\n" }),
      "530 from Cloudflare (error code 1033)",
    );
    assert.equal(
      taken({ status: 530, headers: html, body: "<title>Cloudflare Tunnel error | Error 1033</title>" }),
      "530 from Cloudflare (error code 1033)",
    );
    assert.equal(
      taken({ status: 521, headers: plain, body: "error code: 521" }),
      "521 from Cloudflare (error code 521)",
    );
    assert.equal(
      taken({ status: 502, headers: html, body: "<title>502 Bad Gateway</title>" }),
      "502 from Cloudflare",
    );
  });

  it("takes plain answers for the origin's, and HTML for a page", () => {
    assert.equal(
      taken({ status: 400, headers: plain, body: "snappy: corrupt input\n" }),
      '400 "snappy: corrupt input" from the origin',
    );
    assert.equal(taken({ status: 204 }), '204 "No Content" from the origin');
    assert.equal(
      taken({ status: 401, headers: plain, body: "no org id\n" }),
      '401 "no org id" from the origin',
    );
    assert.equal(
      taken({ status: 401, headers: { ...plain, "www-authenticate": "Basic" }, body: "Unauthorized\n" }),
      '401 "Unauthorized" from the origin',
    );
    assert.equal(
      taken({ status: 403, headers: plain, body: "no permission" }),
      '403 "no permission" from the origin',
    );
    assert.equal(
      taken({ status: 429, headers: plain, body: "ingestion rate limit exceeded" }),
      '429 "ingestion rate limit exceeded" from the origin',
    );
    assert.equal(
      taken({ status: 200, body: " <!DOCTYPE html><title>Grafana</title>" }),
      '200 and an HTML page "Grafana"',
    );
  });

  it("sees that an answer did not come through Cloudflare", () => {
    const reply = { status: 400, headers: new Map<string, string>(), body: "snappy: corrupt input" };
    assert.equal(
      describeAnswer(classify(reply, "tunnel")),
      '400 "snappy: corrupt input", not through Cloudflare',
    );
    const marked = { ...reply, headers: new Map([["server", "cloudflare"]]) };
    assert.equal(describeAnswer(classify(marked, "tunnel")), '400 "snappy: corrupt input" from the origin');
  });

  it("shows no control character of a stranger to a terminal", () => {
    const body = `\u001b[2J\u202egone\r\nnext ${"x".repeat(100)}`;
    assert.equal(
      taken({ status: 500, headers: plain, body }),
      `500 "[2J gone next ${"x".repeat(65)}…" from the origin`,
    );
  });
});
