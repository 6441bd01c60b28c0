import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { zoneId } from "../api/database";
import { account_id, present } from "../testing/stand-in";
import { startEdge, type Edge } from "./edge";
import { send } from "./http-messages";
import {
  hosts,
  outcomeOf,
  originFor,
  worldFor,
  type TestOrigin,
  type TestWorld,
} from "../testing/edge-world";

const path = "/api/v1/write";
const address = "203.0.113.7";

/** Lets the metrics' record lead to an address, with an edge that knows where it is. */
async function published(
  t: TestContext,
  world: TestWorld,
  proxied: boolean,
): Promise<{ edge: Edge; origin: TestOrigin }> {
  const { api, client, clock } = world;
  const record = present([...api.database.dnsRecords.values()].find(({ name }) => name === hosts.metrics));
  await client.dns.records.delete(record.id, { zone_id: zoneId("example.com") });
  await client.dns.records.create({
    zone_id: zoneId("example.com"),
    type: "A",
    name: hosts.metrics,
    content: address,
    proxied,
    ttl: 1,
  });
  const origin = await originFor(t);
  const addresses = new Map([[address, origin.url]]);
  const edge = await startEdge({ database: api.database, now: () => clock.now, addresses });
  t.after(() => edge.close());
  return { edge, origin };
}

describe("edge", () => {
  it("listens on 127.0.0.1 only, at the port it is given", async (t) => {
    const { edge, api } = await worldFor(t);
    const { hostname, port } = new URL(edge.url);
    assert.equal(hostname, "127.0.0.1");
    await assert.rejects(send(`http://127.0.0.2:${port}`, { host: hosts.metrics, path }), /ECONNREFUSED/);
    await assert.rejects(startEdge({ database: api.database, port: Number(port) }), /EADDRINUSE/);
  });

  it("opens further addresses where every request is for one host, whatever it says", async (t) => {
    const { edge, sites, api, clock } = await worldFor(t);
    const own = await startEdge({ database: api.database, now: () => clock.now });
    t.after(() => own.close());
    const metricsUrl = await own.hostUrl(hosts.metrics);
    const logsUrl = await own.hostUrl(hosts.logs);
    assert.equal(new Set([edge.url, own.url, metricsUrl, logsUrl]).size, 4);
    assert.match(metricsUrl, /^http:\/\/127\.0\.0\.1:\d+$/);
    const push = { path, headers: sites.tokyo.headers, body: Buffer.from("x") };
    await send(metricsUrl, { ...push, host: new URL(metricsUrl).host });
    await send(metricsUrl, { ...push, host: hosts.logs });
    await send(logsUrl, { ...push, host: new URL(logsUrl).host });
    await send(own.url, { ...push, host: new URL(own.url).host });
    assert.deepEqual(
      own.answered
        .filter((record) => record.path === path)
        .map(({ host, status, by }) => `${host}: ${status} by ${by}`),
      [
        "prom.example.com: 400 by origin",
        "prom.example.com: 400 by origin",
        "loki.example.com: 403 by access",
        "127.0.0.1: 530 by dns",
      ],
    );
    await own.close();
    for (const url of [own.url, metricsUrl, logsUrl]) {
      await assert.rejects(send(url, { ...push, host: hosts.metrics }), /ECONNREFUSED/);
    }
  });

  it("keeps a record of each answer, without secrets", async (t) => {
    const { edge, sites } = await worldFor(t);
    await send(edge.url, { host: "PROM.example.com:80", path: `${path}?a`, headers: sites.rome.before });
    assert.deepEqual(edge.answered, [
      {
        method: "POST",
        host: "prom.example.com",
        path: "/api/v1/write?a",
        status: 401,
        by: "access",
        detail: "prom.example.com/api/v1/write: the previous secret of rome has expired",
      },
    ]);
    edge.clear();
    assert.deepEqual(edge.answered, []);
  });

  it("goes around Access when a record is not proxied: nothing is refused", async (t) => {
    const world = await worldFor(t);
    const { edge, origin } = await published(t, world, false);
    const get = { host: hosts.metrics, path: "/api/v1/query", method: "GET" };
    assert.equal(await outcomeOf(edge, get), "200 dns");
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path: "/-/reload" }), "200 dns");
    assert.equal(origin.requests.length, 2);
    await origin.close();
    assert.equal(await outcomeOf(edge, get), "502 dns");
    assert.equal(await outcomeOf(world.edge, get), "502 dns");
  });

  it("finds nothing behind a tunnel's name that is not proxied", async (t) => {
    const { api, edge } = await worldFor(t);
    for (const record of api.database.dnsRecords.values()) {
      record.proxied = false;
    }
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path }), "530 dns");
  });

  it("leads through Access straight to an address, where nothing stands behind Access", async (t) => {
    const world = await worldFor(t);
    const { edge, origin } = await published(t, world, true);
    const { headers } = world.sites.tokyo;
    const as = (at: string, sent = headers): Promise<string> =>
      outcomeOf(edge, { host: hosts.metrics, path: at, headers: sent, body: Buffer.from("x") });
    assert.equal(await as(path), "400 origin");
    assert.equal(await as(path, []), "401 access");
    assert.equal(await as("/-/reload"), "403 access");
    assert.equal(await as("/api/v1/write/../query"), "403 access");
    origin.clear();
    // What Access lets pass beyond the write path itself, and a tunnel's anchored pattern would stop.
    const further = [
      "/api/v1/write/x",
      "/api/v1/write/..%2fquery",
      "//api/v1/write",
      "/-/reload/../../api/v1/write",
      "/%2e%2e/api/v1/write",
    ];
    for (const at of further) {
      assert.equal(await as(at), "404 origin");
    }
    assert.deepEqual(
      origin.requests.map((request) => request.path),
      further,
    );
    assert.equal(await outcomeOf(world.edge, { host: hosts.metrics, path, headers }), "523 edge");
    await origin.close();
    assert.equal(await as(path), "521 edge");
  });

  it("leaves a host without an application open at Access, unless the organization denies such hosts", async (t) => {
    const world = await worldFor(t);
    const { client, applications } = world;
    const { edge } = await published(t, world, true);
    const get = { host: hosts.metrics, path: "/api/v1/query", method: "GET" };
    assert.equal(await outcomeOf(edge, get), "403 access");
    await client.zeroTrust.access.applications.delete(applications.metrics.wholeHost, { account_id });
    assert.equal(await outcomeOf(edge, get), "200 origin");
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path }), "401 access");
    await client.zeroTrust.organizations.update({ account_id, deny_unmatched_requests: true });
    assert.equal(await outcomeOf(edge, get), "403 access");
    await client.zeroTrust.organizations.update({
      account_id,
      deny_unmatched_requests_exempted_zone_names: ["example.com"],
    });
    assert.equal(await outcomeOf(edge, get), "200 origin");
  });

  it("refuses a body of more than 100 MB, announced or not", async (t) => {
    const { edge, sites, origins } = await worldFor(t);
    const limit = 100 * 1024 * 1024;
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${hosts.metrics}`,
      ...sites.tokyo.headers.map(([name, value]) => `${name}: ${value}`),
    ];
    const announced = await firstLine(edge.url, [...head, `Content-Length: ${limit + 1}`], Buffer.alloc(0));
    assert.equal(announced, "HTTP/1.1 413 Payload Too Large");
    const body = Buffer.alloc(limit + 1);
    const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body]);
    const streamed = await firstLine(edge.url, [...head, "Transfer-Encoding: chunked"], chunk);
    assert.equal(streamed, "HTTP/1.1 413 Payload Too Large");
    assert.deepEqual(origins.metrics.requests, []);
    const whole = { host: hosts.metrics, path, headers: sites.tokyo.headers, body: Buffer.alloc(limit) };
    assert.equal(await outcomeOf(edge, whole), "400 origin");
  });

  it("survives a sender that goes away half-way through", async (t) => {
    const { edge, sites } = await worldFor(t);
    const { hostname, port } = new URL(edge.url);
    const socket = connect(Number(port), hostname);
    const [id, secret] = sites.tokyo.headers.map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${hosts.metrics}\r\n${id ?? ""}${secret ?? ""}Content-Length: 9\r\n\r\nhalf`,
    );
    await delay(50);
    socket.destroy();
    for (let tries = 0; tries < 100 && edge.answered.length === 0; tries += 1) {
      await delay(10);
    }
    assert.deepEqual(
      edge.answered.map(({ status, by }) => `${status} ${by}`),
      ["500 edge"],
    );
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path }), "401 access");
  });
});

/** The status line of the answer to a request that is written by hand. */
function firstLine(url: string, head: readonly string[], body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${head.join("\r\n")}\r\n\r\n`);
      socket.write(body);
    });
    socket.once("data", (data) => {
      resolve(data.toString().split("\r\n")[0] ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
