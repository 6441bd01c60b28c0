import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { send } from "cloudflare-standin/edge/http-messages";
import { startSandbox, type Sandbox } from "./sandbox";

const accountId = "0123456789abcdef0123456789abcdef";
const tunnels = `/accounts/${accountId}/cfd_tunnel`;
const made = z.object({ result: z.object({ id: z.string() }) });

async function open(t: TestContext): Promise<Sandbox> {
  const sandbox = await startSandbox({ accountId });
  t.after(() => sandbox.close());
  return sandbox;
}

/** One call to the API. */
async function call({ standIn }: Sandbox, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${standIn.baseUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${standIn.apiToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Makes a tunnel whose only rule leads everything to one service, and a record that leads to it. */
async function publish(sandbox: Sandbox, name: string): Promise<string> {
  const answer = await call(sandbox, "POST", tunnels, { name, config_src: "cloudflare" });
  const { id } = made.parse(await answer.json()).result;
  const config = { ingress: [{ service: "http://localhost:9090" }] };
  assert.equal((await call(sandbox, "PUT", `${tunnels}/${id}/configurations`, { config })).status, 200);
  await record(sandbox, "CNAME", `${id}.cfargotunnel.com`);
  await settled(sandbox);
  return id;
}

async function record(sandbox: Sandbox, type: string, content: string): Promise<void> {
  const [zone] = sandbox.standIn.database.zones.keys();
  const body = { type, name: "prom.example.com", content, proxied: true, ttl: 1 };
  for (const { id } of sandbox.standIn.database.dnsRecords.values()) {
    await call(sandbox, "DELETE", `/zones/${zone}/dns_records/${id}`);
  }
  const answer = await call(sandbox, "POST", `/zones/${zone}/dns_records`, body);
  assert.equal(answer.status, 200, await answer.text());
}

/** What an empty push to the host is answered with; there is no Access here. */
async function push({ edge }: Sandbox): Promise<number> {
  return (await send(edge.url, { host: "prom.example.com", path: "/api/v1/write" })).status;
}

async function turn({ standIn }: Sandbox, switches: unknown): Promise<Response> {
  const url = standIn.baseUrl.replace("/client/v4", "/__standin/switches");
  return fetch(url, { method: "POST", body: JSON.stringify(switches) });
}

/** Waits until connectors and receivers are as the database says, which an answer of the API does not. */
async function settled(sandbox: Sandbox): Promise<void> {
  await turn(sandbox, { origins: true, connector: true });
}

describe("startSandbox", () => {
  it("connects a tunnel when it is made, and another in its place", async (t) => {
    const sandbox = await open(t);
    const first = await publish(sandbox, "central");
    assert.equal(await push(sandbox), 400);
    assert.equal((await call(sandbox, "DELETE", `${tunnels}/${first}`)).status, 400);

    await turn(sandbox, { connector: false });
    assert.equal(await push(sandbox), 530);
    assert.equal((await call(sandbox, "DELETE", `${tunnels}/${first}`)).status, 200);
    await turn(sandbox, { connector: true });
    assert.equal(await push(sandbox), 530);

    const second = await publish(sandbox, "central");
    assert.notEqual(second, first);
    assert.equal(await push(sandbox), 400);
  });

  it("comes back when its connections are deleted, as cloudflared does", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const sandbox = await open(t);
    const id = await publish(sandbox, "central");
    assert.equal((await call(sandbox, "DELETE", `${tunnels}/${id}/connections`)).status, 200);
    assert.equal(await push(sandbox), 530);
    t.mock.timers.tick(1000);
    await settled(sandbox);
    assert.equal(await push(sandbox), 400);
  });

  it("stops the services and starts them again", async (t) => {
    const sandbox = await open(t);
    await publish(sandbox, "central");
    await turn(sandbox, { origins: false });
    assert.equal(await push(sandbox), 502);
    await turn(sandbox, { origins: true });
    assert.equal(await push(sandbox), 400);
  });

  it("leads to the address of a record, too", async (t) => {
    const sandbox = await open(t);
    await record(sandbox, "A", "203.0.113.7");
    await settled(sandbox);
    assert.equal(await push(sandbox), 400);
    await turn(sandbox, { origins: false });
    assert.equal(await push(sandbox), 521);
  });

  it("keeps what it answered until it is told to forget it, however long that takes", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const sandbox = await open(t);
    assert.equal((await call(sandbox, "GET", tunnels)).status, 200);
    t.mock.timers.tick(24 * 60 * 60_000);
    assert.deepEqual(
      sandbox.standIn.requests.map(({ method, path }) => `${method} ${path}`),
      [`GET ${tunnels}`],
    );
    sandbox.forget();
    assert.deepEqual(sandbox.standIn.requests, []);
  });

  it("refuses a switch that it does not have", async (t) => {
    const sandbox = await open(t);
    const answer = await turn(sandbox, { tunnel: false });
    assert.deepEqual(
      [answer.status, z.object({ errors: z.array(z.unknown()) }).parse(await answer.json()).errors],
      [400, [{ code: 400, message: "no switch is called tunnel; there are: connector, origins" }]],
    );
  });

  it("leaves nothing behind when a port is taken", async (t) => {
    const { edge } = await open(t);
    const edgePort = Number(new URL(edge.url).port);
    await assert.rejects(startSandbox({ accountId, edgePort }), { code: "EADDRINUSE" });
  });
});
