import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { valuesOf } from "./http-messages";
import type { Interference } from "./interference";
import { send } from "./http-messages";
import { tokenHeaders } from "./access/service-credentials";
import { hosts, outcomeOf, pushAs, worldFor } from "../testing/edge-world";

const path = "/api/v1/write";

describe("interference", () => {
  it("answers as bot protection, a WAF, a page in the way and a failing origin do, before Access is asked", async (t) => {
    const { edge, sites, origins } = await worldFor(t);
    const met = async (kind: Interference): Promise<readonly unknown[]> => {
      const stop = edge.interfere(kind);
      const { status, headers, body } = await send(edge.url, {
        host: hosts.metrics,
        path,
        headers: sites.tokyo.headers,
      });
      stop();
      const [type] = valuesOf(headers, "content-type");
      return [status, type, valuesOf(headers, "cf-mitigated"), body.toString().trim()];
    };
    const html = "text/html; charset=UTF-8";
    const text = "text/plain; charset=UTF-8";
    const page = (title: string): string => `<!DOCTYPE html><title>${title}</title><h1>${title}</h1>`;
    assert.deepEqual(await met("challenge"), [403, html, ["challenge"], page("Just a moment...")]);
    assert.deepEqual(await met("block"), [403, html, [], page("Attention Required! | Cloudflare")]);
    assert.deepEqual(await met("integrity"), [403, text, [], "error code: 1010"]);
    assert.deepEqual(await met("page"), [200, html, [], page("Hello")]);
    assert.deepEqual(await met(522), [522, text, [], "error code: 522"]);
    assert.deepEqual(origins.metrics.requests, []);
    assert.deepEqual(
      edge.answered.map(({ status, by, detail }) => `${status} by ${by}: ${detail}`),
      [
        "403 by edge: a test's interference: challenge",
        "403 by edge: a test's interference: block",
        "403 by edge: a test's interference: integrity",
        "200 by edge: a test's interference: page",
        "522 by edge: a test's interference: 522",
      ],
    );
  });

  it("lasts until it is stopped, on the host that it names, and the last one counts", async (t) => {
    const world = await worldFor(t);
    const { edge } = world;
    const stopBoth = edge.interfere("challenge");
    const stopLogs = edge.interfere(503, hosts.logs);
    assert.equal(await pushAs(world, "tokyo"), "403 edge");
    assert.equal(await pushAs(world, "tokyo", "logs"), "503 edge");
    stopBoth();
    stopBoth();
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
    assert.equal(await pushAs(world, "tokyo", "logs"), "503 edge");
    stopLogs();
    assert.equal(await pushAs(world, "tokyo", "logs"), "400 origin");
  });

  it("leaves the team's domain and unknown hosts alone", async (t) => {
    const { edge } = await worldFor(t);
    edge.interfere("block");
    const as = (host: string): Promise<string> =>
      outcomeOf(edge, { host, path: "/cdn-cgi/access/certs", method: "GET", headers: tokenHeaders("", "") });
    assert.equal(await as("example-team.cloudflareaccess.com"), "200 access");
    assert.equal(await as("grafana.example.com"), "530 dns");
  });
});
