import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { createConnection } from "node:net";
import { after, before, describe, it } from "node:test";
import type { SignalName } from "../../fleet/signals";
import {
  assertion,
  runGate,
  signingKey,
  withoutHaproxy,
  type Push,
  type RunningGate,
  type SigningKey,
} from "./testing/running-gate";

const header = "Cf-Access-Jwt-Assertion";
const now = Math.floor(Date.now() / 1000);
const logs = "b".repeat(64);
const osaka = "22222222222222222222222222222222.access";
const tokyo = "33333333333333333333333333333333.access";

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The assertion's parts with another head or claims, under the signature that was there. */
function reassembled(jwt: string, part: 0 | 1, value: unknown): string {
  return jwt
    .split(".")
    .map((text, index) => (index === part ? base64url(value) : text))
    .join(".");
}

/** Sends bytes as they are, and takes the status of the first answer. */
const sendRaw = (socketPath: string, text: string): Promise<number> =>
  new Promise((resolve, reject) => {
    let answer = "";
    const socket = createConnection(socketPath, () => socket.write(text));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      answer += chunk;
      socket.end();
    });
    socket.on("close", () => {
      resolve(Number(/^HTTP\/1\.\d (\d+)/.exec(answer)?.[1] ?? 0));
    });
    socket.on("error", (error) => {
      // HAProxy does not read what it has refused to the end, and so may reset the connection after its answer.
      if (answer === "") {
        reject(error);
      }
    });
  });

interface Row {
  readonly what: string;
  readonly signal?: SignalName;
  readonly push: () => Promise<Push>;
  readonly status: number;
  /** What the gate says; undefined where it lets the push in. */
  readonly reason?: string;
  /** What the store got; undefined: nothing. */
  readonly got?: {
    readonly store: string;
    readonly url: string;
    readonly headers?: Record<string, string | undefined>;
  };
}

describe("the gate", { skip: withoutHaproxy }, () => {
  let gate: RunningGate;
  let current: SigningKey;
  let previous: SigningKey;
  let mallory: SigningKey;
  let later: SigningKey;

  before(async () => {
    current = await signingKey("current");
    previous = await signingKey("previous");
    // Somebody else's key under the ID of Access' own.
    mallory = await signingKey("current");
    later = await signingKey("later");
    gate = await runGate({ keys: [previous, current] });
  });

  after(() => gate.close());

  const with1 =
    (make: () => Promise<string>, push: Push = {}) =>
    async (): Promise<Push> => ({ ...push, headers: [[header, await make()], ...(push.headers ?? [])] });
  const claiming = (changes: Readonly<Record<string, unknown>>, push: Push = {}) =>
    with1(() => assertion(current, changes), push);
  const asNagoya = { store: "vmagent", url: "/api/v1/write?extra_label=provider=nagoya" };

  const rows: readonly Row[] = [
    { what: "a good assertion", push: claiming({}), status: 204, got: asNagoya },
    { what: "one of the key before", push: with1(() => assertion(previous)), status: 204, got: asNagoya },
    {
      what: "an audience that is a text",
      push: claiming({ aud: "a".repeat(64) }),
      status: 204,
      got: asNagoya,
    },
    {
      what: "an audience further down a list",
      push: claiming({ aud: ["c".repeat(64), "a".repeat(64)] }),
      status: 204,
      got: asNagoya,
    },
    {
      what: "clocks half a minute apart",
      push: claiming({ iat: now + 30, nbf: now + 30, exp: now - 30 }),
      status: 204,
      got: asNagoya,
    },
    {
      what: "logs of a site that may push them",
      signal: "logs",
      push: claiming({ aud: [logs] }, { path: "/loki/api/v1/push" }),
      status: 204,
      got: { store: "alloy", url: "/loki/api/v1/push", headers: { "x-scope-orgid": "nagoya" } },
    },
    {
      what: "logs by OTLP",
      signal: "logs",
      push: claiming({ aud: [logs] }, { path: "/otlp/v1/logs" }),
      status: 204,
      got: { store: "alloy-otlp", url: "/v1/logs", headers: { "x-scope-orgid": "nagoya" } },
    },
    {
      what: "another site's label in the query",
      push: claiming({}, { path: "/api/v1/write?extra_label=provider=osaka&extra_label=provider=tokyo" }),
      status: 204,
      got: asNagoya,
    },
    {
      what: "headers that stores go by",
      signal: "logs",
      push: claiming(
        { aud: [logs] },
        {
          path: "/loki/api/v1/push",
          headers: [
            ["X-Scope-OrgID", "osaka"],
            ["x-scope-orgid", "osaka|tokyo"],
            ["THANOS-TENANT", "osaka"],
            ["AccountID", "1"],
            ["Authorization", "Basic x"],
            ["Cookie", "CF_Authorization=x"],
            ["CF-Access-Client-Id", osaka],
            ["CF-Access-Client-Secret", "secret"],
            ["Cf-Connecting-IP", "192.0.2.1"],
            ["X-Forwarded-For", "192.0.2.1"],
            ["Forwarded", "for=192.0.2.1"],
            ["X_Scope_OrgID", "osaka"],
          ],
        },
      ),
      status: 204,
      got: {
        store: "alloy",
        url: "/loki/api/v1/push",
        headers: {
          "x-scope-orgid": "nagoya",
          "thanos-tenant": undefined,
          accountid: undefined,
          authorization: undefined,
          cookie: undefined,
          "cf-access-client-id": undefined,
          "cf-access-client-secret": undefined,
          "cf-access-jwt-assertion": undefined,
          "cf-connecting-ip": undefined,
          "x-forwarded-for": undefined,
          forwarded: undefined,
          x_scope_orgid: undefined,
        },
      },
    },
    {
      what: "a header of the site's that names the one that the gate sets in Connection",
      signal: "logs",
      push: claiming(
        { aud: [logs] },
        { path: "/loki/api/v1/push", headers: [["Connection", "close, X-Scope-OrgID"]] },
      ),
      status: 204,
      got: { store: "alloy", url: "/loki/api/v1/push", headers: { "x-scope-orgid": "nagoya" } },
    },
    {
      what: "what a store needs to read the push",
      push: claiming(
        {},
        {
          headers: [
            ["Content-Type", "application/x-protobuf"],
            ["Content-Encoding", "snappy"],
            ["User-Agent", "Prometheus/3.10.0"],
            ["X-Prometheus-Remote-Write-Version", "0.1.0"],
          ],
        },
      ),
      status: 204,
      got: {
        ...asNagoya,
        headers: {
          "content-type": "application/x-protobuf",
          "content-encoding": "snappy",
          "user-agent": "Prometheus/3.10.0",
          "x-prometheus-remote-write-version": "0.1.0",
        },
      },
    },

    // 401: no honest Access sends these.
    { what: "no assertion", push: () => Promise.resolve({}), status: 401, reason: "no-assertion" },
    { what: "an empty assertion", push: with1(() => Promise.resolve("")), status: 401, reason: "malformed" },
    {
      what: "two assertions",
      push: async () => ({
        headers: [
          [header, await assertion(current)],
          [header, await assertion(current)],
        ],
      }),
      status: 401,
      reason: "two-assertions",
    },
    {
      what: "two assertions, the names written in other cases",
      push: async () => ({
        headers: [
          [header, await assertion(mallory)],
          [header.toLowerCase(), await assertion(current)],
        ],
      }),
      status: 401,
      reason: "two-assertions",
    },
    {
      what: "two assertions in one header",
      push: with1(async () => `${await assertion(current)}, ${await assertion(current)}`),
      status: 401,
      reason: "malformed",
    },
    {
      what: "an assertion with a scheme before it",
      push: with1(async () => `Bearer ${await assertion(current)}`),
      status: 401,
      reason: "malformed",
    },
    { what: "garbage", push: with1(() => Promise.resolve("garbage")), status: 401, reason: "malformed" },
    {
      what: "garbage in three parts",
      push: with1(() => Promise.resolve("a.b.c")),
      status: 401,
      reason: "algorithm",
    },
    {
      what: "four parts",
      push: with1(async () => `${await assertion(current)}.x`),
      status: 401,
      reason: "malformed",
    },
    {
      what: "the assertion in another header and in the query",
      push: async () => ({
        path: `/api/v1/write?cf-access-jwt-assertion=${await assertion(current)}`,
        headers: [
          ["Cf_Access_Jwt_Assertion", await assertion(current)],
          ["Cookie", `CF_Authorization=${await assertion(current)}`],
        ],
      }),
      status: 401,
      reason: "no-assertion",
    },
    {
      what: "another's key under the ID of Access' own",
      push: with1(() => assertion(mallory)),
      status: 401,
      reason: "signature",
    },
    {
      what: "the ID of the other key",
      push: with1(() => assertion(current, {}, { kid: "previous" })),
      status: 401,
      reason: "signature",
    },
    {
      what: "algorithm none, without a signature",
      push: with1(async () => {
        const [, claims = ""] = (await assertion(current)).split(".");
        return `${base64url({ alg: "none", kid: "current" })}.${claims}.`;
      }),
      status: 401,
      reason: "algorithm",
    },
    {
      what: "algorithm None, with the signature",
      push: with1(async () => reassembled(await assertion(current), 0, { alg: "None", kid: "current" })),
      status: 401,
      reason: "algorithm",
    },
    {
      what: "HS256 with the public key as its secret",
      push: with1(async () => {
        const [, claims = ""] = (await assertion(current)).split(".");
        const signed = `${base64url({ alg: "HS256", kid: "current", typ: "JWT" })}.${claims}`;
        const pem = createPublicKey({ key: current.jwk as never, format: "jwk" }).export({
          type: "spki",
          format: "pem",
        });
        return `${signed}.${createHmac("sha256", pem).update(signed).digest("base64url")}`;
      }),
      status: 401,
      reason: "algorithm",
    },
    {
      what: "an HMAC with the public key that says RS256",
      push: with1(async () => {
        const [head = "", claims = ""] = (await assertion(current)).split(".");
        const pem = createPublicKey({ key: current.jwk as never, format: "jwk" }).export({
          type: "spki",
          format: "pem",
        });
        return `${head}.${claims}.${createHmac("sha256", pem).update(`${head}.${claims}`).digest("base64url")}`;
      }),
      status: 401,
      reason: "signature",
    },
    {
      what: "RS512 in the head",
      push: with1(async () => reassembled(await assertion(current), 0, { alg: "RS512", kid: "current" })),
      status: 401,
      reason: "algorithm",
    },
    {
      what: "claims that were changed after signing",
      push: with1(async () =>
        reassembled(await assertion(current), 1, {
          aud: ["a".repeat(64)],
          iss: "https://example-team.cloudflareaccess.com",
          common_name: osaka,
          exp: now + 60,
        }),
      ),
      status: 401,
      reason: "signature",
    },
    {
      what: "no signature",
      push: with1(async () => (await assertion(current)).replace(/[^.]+$/, "")),
      status: 401,
      reason: "signature",
    },
    {
      what: "no common name, as when a person logs in",
      push: claiming({ common_name: undefined, email: "a@example.com" }),
      status: 401,
      reason: "claims",
    },
    { what: "an empty common name", push: claiming({ common_name: "" }), status: 401, reason: "claims" },
    {
      what: "a common name that is a list",
      push: claiming({ common_name: [osaka] }),
      status: 401,
      reason: "claims",
    },
    { what: "no expiry", push: claiming({ exp: undefined }), status: 401, reason: "claims" },

    // 503: Access signed it, and the gate's files or clock are behind.
    {
      what: "a key that was not fetched yet",
      push: with1(() => assertion(later)),
      status: 503,
      reason: "unknown-key",
    },
    {
      what: "no key ID",
      push: with1(() => assertion(current, {}, { kid: undefined })),
      status: 503,
      reason: "unknown-key",
    },
    {
      what: "a key ID that is a slot's name",
      push: with1(() => assertion(mallory, {}, { kid: "1" })),
      status: 503,
      reason: "unknown-key",
    },
    { what: "an assertion that expired", push: claiming({ exp: now - 120 }), status: 503, reason: "expired" },
    { what: "one that expired long ago", push: claiming({ exp: 1 }), status: 503, reason: "expired" },
    {
      what: "one that is not valid yet",
      push: claiming({ nbf: now + 300 }),
      status: 503,
      reason: "not-yet-valid",
    },
    {
      what: "one that was made in the future",
      push: claiming({ iat: now + 300, exp: now + 600 }),
      status: 503,
      reason: "not-yet-valid",
    },
    {
      what: "another team's issuer",
      push: claiming({ iss: "https://other.cloudflareaccess.com" }),
      status: 503,
      reason: "issuer",
    },
    { what: "no issuer", push: claiming({ iss: undefined }), status: 503, reason: "issuer" },
    {
      what: "an issuer that begins well",
      push: claiming({ iss: "https://example-team.cloudflareaccess.com.evil.example" }),
      status: 503,
      reason: "issuer",
    },
    { what: "the other signal's audience", push: claiming({ aud: [logs] }), status: 503, reason: "audience" },
    {
      what: "the other signal's audience as a text",
      push: claiming({ aud: logs }),
      status: 503,
      reason: "audience",
    },
    { what: "no audience", push: claiming({ aud: undefined }), status: 503, reason: "audience" },
    {
      what: "an audience that holds the right one",
      push: claiming({ aud: `x${"a".repeat(64)}` }),
      status: 503,
      reason: "audience",
    },
    {
      what: "a client that the map does not know",
      push: claiming({ common_name: "4".repeat(32) + ".access" }),
      status: 503,
      reason: "unknown-client",
    },
    {
      what: "a client ID in another case",
      push: claiming({ common_name: osaka.toUpperCase() }),
      status: 503,
      reason: "unknown-client",
    },
    {
      what: "a client ID with more after it",
      push: claiming({ common_name: `${osaka} x` }),
      status: 503,
      reason: "unknown-client",
    },
    {
      what: "a common name that begins a comment",
      push: claiming({ common_name: "#" }),
      status: 503,
      reason: "unknown-client",
    },
    {
      what: "a site that is shut out",
      push: claiming({ common_name: tokyo }),
      status: 503,
      reason: "shut-out",
    },
    {
      what: "logs of a site that has metrics only",
      signal: "logs",
      push: claiming({ common_name: osaka, aud: [logs] }, { path: "/loki/api/v1/push" }),
      status: 503,
      reason: "other-signal",
    },
    {
      what: "a path that is not configured",
      push: claiming({}, { path: "/api/v1/query" }),
      status: 503,
      reason: "path",
    },
    {
      what: "a path of the other signal",
      push: claiming({}, { path: "/loki/api/v1/push" }),
      status: 503,
      reason: "path",
    },
    {
      what: "a path with more after it",
      push: claiming({}, { path: "/api/v1/write/" }),
      status: 503,
      reason: "path",
    },
    {
      what: "a path that leads up",
      push: claiming({}, { path: "/api/v1/write/../../../-/reload" }),
      status: 503,
      reason: "path",
    },
    {
      what: "a path in escapes",
      push: claiming({}, { path: "/api/v1/%77rite" }),
      status: 503,
      reason: "path",
    },
    {
      what: "a path with two slashes",
      push: claiming({}, { path: "//api/v1/write" }),
      status: 503,
      reason: "path",
    },
    {
      what: "remote write 2.0, which vmagent would take for nothing",
      push: claiming(
        {},
        { headers: [["Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"]] },
      ),
      status: 503,
      reason: "remote-write-2",
    },

    { what: "GET", push: claiming({}, { method: "GET" }), status: 405, reason: "method" },
    {
      what: "a body that no store takes",
      push: claiming({}, { body: Buffer.alloc(33 * 1024 * 1024) }),
      status: 413,
      reason: "too-large",
    },
    {
      what: "a refused push that waits for leave to send its body",
      push: with1(() => assertion(later), { headers: [["Expect", "100-continue"]] }),
      status: 503,
      reason: "unknown-key",
    },
    { what: "DELETE", push: claiming({}, { method: "DELETE" }), status: 405, reason: "method" },
  ];

  for (const { what, signal = "metrics", push, status, reason, got } of rows) {
    it(`${status}${reason === undefined ? "" : ` (${reason})`}: ${what}`, async () => {
      gate.stores.take();
      const answer = await gate.send(signal, { body: "push", ...(await push()) });
      assert.deepEqual(
        {
          status: answer.status,
          reason: answer.headers["x-sitepass-gate"],
          again: answer.headers["retry-after"],
        },
        { status, reason: reason ?? "handed-on", again: status === 503 ? "10" : undefined },
      );
      const arrived = gate.stores.take();
      assert.deepEqual(
        arrived.map(({ store, url, body }) => ({ store, url, body: String(body) })),
        got === undefined ? [] : [{ store: got.store, url: got.url, body: "push" }],
      );
      for (const [name, value] of Object.entries(got?.headers ?? {})) {
        assert.equal(arrived[0]?.headers[name], value, name);
      }
    });
  }

  const rawRows: readonly {
    readonly what: string;
    readonly lines: (jwt: string, other: string) => string[];
    readonly status: number;
    readonly arrived: number;
  }[] = [
    {
      what: "an assertion folded over two lines",
      lines: (jwt) => [`${header}: ${jwt.slice(0, 40)}`, ` ${jwt.slice(40)}`],
      status: 401,
      arrived: 0,
    },
    {
      what: "a folded header that holds a tenant",
      lines: (jwt) => [`${header}: ${jwt}`, "X-A: b", " X-Scope-OrgID: osaka"],
      status: 204,
      arrived: 1,
    },
    { what: "a space before the colon", lines: (jwt) => [`${header} : ${jwt}`], status: 400, arrived: 0 },
    {
      what: "two lengths",
      lines: (jwt) => [`${header}: ${jwt}`, "Content-Length: 9"],
      status: 400,
      arrived: 0,
    },
    {
      what: "an assertion longer than the gate's buffer",
      lines: () => [`${header}: ${"a".repeat(20_000)}.b.c`],
      status: 400,
      arrived: 0,
    },
    {
      what: "a second assertion after a good one, of another site",
      lines: (jwt, other) => [`${header}: ${jwt}`, `${header}: ${other}`],
      status: 401,
      arrived: 0,
    },
  ];

  for (const { what, lines, status, arrived } of rawRows) {
    it(`${status}, as raw bytes: ${what}`, async () => {
      gate.stores.take();
      const head = lines(await assertion(current), await assertion(current, { common_name: osaka }));
      const text = [
        "POST /api/v1/write HTTP/1.1",
        "Host: prom.example.com",
        "Content-Length: 4",
        ...head,
        "",
        "push",
      ].join("\r\n");
      assert.equal(await sendRaw(`${gate.places.run}/metrics.sock`, text), status);
      assert.equal(gate.stores.take().length, arrived);
    });
  }

  it("hands on a body in chunks, and one of megabytes", async () => {
    const chunks = Array.from({ length: 64 }, (_, index) => Buffer.alloc(100_000, index));
    gate.stores.take();
    for (const body of [chunks, Buffer.concat(chunks)]) {
      const { status } = await gate.send("metrics", { headers: [[header, await assertion(current)]], body });
      assert.equal(status, 204);
    }
    assert.deepEqual(
      gate.stores.take().map(({ body }) => body.equals(Buffer.concat(chunks))),
      [true, true],
    );
  });

  it("answers 100 to a sender that waits for it", async () => {
    gate.stores.take();
    const { status } = await gate.send("metrics", {
      headers: [
        [header, await assertion(current)],
        ["Expect", "100-continue"],
      ],
      body: "push",
    });
    assert.equal(status, 204);
    assert.equal(gate.stores.take().length, 1);
  });

  it("counts by site what it let in and what it refused, with the reason", async () => {
    const page = await gate.page("/metrics/sites");
    const value = (series: string): number =>
      Number(
        page
          .split("\n")
          .find((line) => line.startsWith(`${series} `))
          ?.split(" ")[1],
      );
    assert.ok(value('sitepass_gate_requests_total{site="nagoya",signal="metrics"}') >= 10, page);
    assert.equal(
      value('sitepass_gate_delivered_total{site="nagoya",signal="metrics"}'),
      value('sitepass_gate_requests_total{site="nagoya",signal="metrics"}'),
    );
    assert.ok(value('sitepass_gate_received_bytes_total{site="nagoya",signal="metrics"}') > 12_800_000);
    assert.equal(value('sitepass_gate_rejected_total{site="nagoya",signal="metrics"}'), 0);
    assert.equal(value('sitepass_gate_refused_total{site="tokyo",signal="metrics",reason="shut-out"}'), 1);
    assert.equal(value('sitepass_gate_refused_total{site="osaka",signal="logs",reason="other-signal"}'), 1);
    assert.equal(value('sitepass_gate_refused_total{site="",signal="metrics",reason="unknown-client"}'), 4);
    assert.equal(
      value('sitepass_gate_refused_total{site="nagoya",signal="metrics",reason="remote-write-2"}'),
      1,
    );
    assert.equal(value("sitepass_gate_limit_bytes_per_second"), 4_000_000);
    assert.match(
      await gate.page("/metrics"),
      /^haproxy_backend_http_responses_total\{proxy="metrics_remote_write",code="2xx"\} \d+/m,
    );
  });

  it("logs what it refused with site and reason, and nothing of what went well", () => {
    const lines = gate
      .log()
      .split("\n")
      .filter((line) => line.startsWith("gate "));
    assert.ok(
      lines.some((line) => line.includes("status=503 reason=shut-out site=tokyo")),
      gate.log(),
    );
    assert.deepEqual(
      lines.filter((line) => line.includes("status=204")),
      [],
    );
    assert.doesNotMatch(gate.log(), /eyJ|secret/);
  });
});
