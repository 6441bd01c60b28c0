import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:https";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { TLSSocket } from "node:tls";
import type { Credentials } from "../../collectors/collector";
import type { RelayInput, RelayName } from "../../collectors/relay/relay";
import { account_id, present } from "cloudflare-standin/testing/stand-in";
import {
  flatHeaders,
  headerLines,
  valuesOf,
  readBody,
  send,
  type HeaderLines,
} from "cloudflare-standin/edge/http-messages";
import type { Interference } from "cloudflare-standin/edge/interference";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders } from "../../local/pushes/push-messages";
import { hosts } from "cloudflare-standin/testing/edge-world";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import type { ReceivedAnswer } from "cloudflare-standin/edge/http-messages";
import { pushWorldFor } from "../../local/pushes/testing/push-world";
import { relayAbsent, startRelayProgram, type RelayProgram } from "../../local/run/relay-program";
import { opensslAbsence } from "../support/self-signed";

const credentials: Credentials = {
  clientId: "88bf3b6d86161464f6509f7219099e57.access",
  clientSecret: "cfast_0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3d4",
};

const writePath = "/metrics/api/v1/write";
const samples = remoteWriteBody([
  { labels: { __name__: "up", provider: "tokyo" }, samples: [{ timestamp: 1_795_000_000_000, value: 1 }] },
]);

function endpointsAt(base: string): RelayInput["endpoints"] {
  return {
    metrics: { hostname: hosts.metrics, base, paths: ["/api/v1/write"] },
    logs: { hostname: hosts.logs, base, paths: ["/loki/api/v1/push", "/otlp/v1/logs"] },
  };
}

async function relayFor(
  t: TestContext,
  name: RelayName,
  base: string,
  given: Partial<Pick<RelayInput, "credentials" | "caBundle" | "tenant">> = {},
): Promise<RelayProgram> {
  const relay = await startRelayProgram(name, { endpoints: endpointsAt(base), credentials, ...given });
  t.after(() => relay.close());
  return relay;
}

/** An edge that answers as it is told. */
async function scriptedEdge(t: TestContext, listener: RequestListener): Promise<string> {
  const server = await listenOnLoopback((request, response) => {
    readBody(request).then(
      () => {
        listener(request, response);
      },
      () => response.destroy(),
    );
  }, 0);
  t.after(() => server.close());
  return server.url;
}

/** A push of a collector on the machine. */
function push(relay: RelayProgram, headers: HeaderLines = [], path = writePath): Promise<ReceivedAnswer> {
  return send(relay.url, {
    host: new URL(relay.url).host,
    path,
    headers: [...remoteWriteHeaders, ...headers],
    body: samples,
  });
}

const secretOf = ({ headers }: IncomingMessage): string => String(headers["cf-access-client-secret"]);

/** Whether a connection to the port can be made there. */
async function answersAt(address: string, port: number): Promise<boolean> {
  const socket = connect(port, address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The status of the answer to a request whose body may be cut off by it. */
function statusOfRaw(url: string, head: HeaderLines, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname, () => {
      const lines = [["Host", host] as const, ...head].map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`POST ${writePath} HTTP/1.1\r\n${lines.join("")}\r\n`);
      socket.write(body);
    });
    socket.once("data", (data) => {
      resolve(Number(data.toString().split(" ")[1]));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

for (const name of ["nginx", "caddy"] as const) {
  describe(`a relay of ${name}`, { skip: relayAbsent(name) }, () => {
    it("lets through what was delivered and what says that the batch is bad, and makes a 503 of all else", async (t) => {
      let next: { readonly status: number; readonly headers: HeaderLines } = { status: 200, headers: [] };
      const edge = await scriptedEdge(t, (_, response) => {
        const { status, headers } = next;
        response.writeHead(status, flatHeaders([["cf-ray", "8f0-AMS"], ...headers]));
        response.end(status === 204 || status === 304 ? undefined : "said the edge\n");
      });
      const relay = await relayFor(t, name, edge);
      const answerTo = (status: number, headers: HeaderLines = []): Promise<ReceivedAnswer> => {
        next = { status, headers };
        return push(relay);
      };
      const passed = new Set([200, 202, 204, 400, 415]);
      // Of the batch itself, in words that not all collectors know.
      const never = new Set([409, 413, 422]);
      const others = [
        300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 414, 416, 417,
        418, 421, 423, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511, 520, 521, 522, 523, 524,
        525, 526, 527, 530, 598,
      ]; // prettier-ignore
      for (const status of [...passed, ...never, ...others]) {
        for (const type of [
          undefined,
          "text/plain; charset=utf-8",
          "text/html",
          "Text/HTML; charset=UTF-8",
        ]) {
          const html = type?.toLowerCase().startsWith("text/html") === true;
          const location: HeaderLines = [["location", "https://example-team.cloudflareaccess.com/"]];
          const answer = await answerTo(status, [
            ...(type === undefined ? [] : ([["content-type", type]] as const)),
            ...(status >= 300 && status < 400 ? location : []),
          ]);
          const kept = !html || status === 413;
          const expected = kept && passed.has(status) ? status : kept && never.has(status) ? 400 : 503;
          assert.equal(answer.status, expected, `${status} ${type ?? "without type"}`);
          if (never.has(status) && expected === 400) {
            assert.equal(
              answer.body.toString().trim(),
              `sitepass relay: the edge answered ${status}, type "${type ?? ""}", cf-mitigated "", cf-ray "8f0-AMS": such a push is never taken`,
            );
          }
          assert.deepEqual(valuesOf(answer.headers, "location"), []);
        }
      }

      const bad = await answerTo(400, [
        ["content-type", "text/plain; charset=utf-8"],
        ["set-cookie", "CF_Authorization=a-session"],
        ["x-prometheus-remote-write-samples-written", "0"],
        ["x-accel-redirect", "/ready"],
      ]);
      assert.equal(bad.body.toString(), "said the edge\n");
      assert.deepEqual(valuesOf(bad.headers, "content-type"), ["text/plain; charset=utf-8"]);
      assert.deepEqual(valuesOf(bad.headers, "x-prometheus-remote-write-samples-written"), ["0"]);
      assert.deepEqual(valuesOf(bad.headers, "set-cookie"), []);

      const challenge = await answerTo(403, [
        ["content-type", "text/html; charset=UTF-8"],
        ["cf-mitigated", "challenge"],
      ]);
      assert.equal(
        challenge.body.toString().trim(),
        'sitepass relay: the edge answered 403, type "text/html; charset=UTF-8", cf-mitigated "challenge", cf-ray "8f0-AMS"',
      );
      for (const internal of ["x-relay-reason", "x-accel-redirect", "cf-mitigated"]) {
        assert.deepEqual(valuesOf(challenge.headers, internal), []);
      }
      assert.match(valuesOf(challenge.headers, "content-type").join(), /^text\/plain(?:; charset=utf-8)?$/);

      const waitAfter = async (status: number, retryAfter?: string): Promise<string> => {
        const { headers } = await answerTo(
          status,
          retryAfter === undefined ? [] : [["retry-after", retryAfter]],
        );
        return valuesOf(headers, "retry-after").join();
      };
      assert.equal(await waitAfter(401), "15");
      assert.equal(await waitAfter(429), "15");
      assert.equal(await waitAfter(429, "7"), "7");
      assert.equal(await waitAfter(503, "30"), "30");
      assert.equal(await waitAfter(429, "3600"), "15");
      assert.equal(await waitAfter(503, "3600"), "");
      assert.equal(await waitAfter(530), "");
    });

    it("pushes with the site's credentials and through every refusal of the edge until it is mended", async (t) => {
      const world = await pushWorldFor(t);
      const { edge, client, sites, api, origins, applications, connector } = world;
      const { tokenId, clientId, secret } = sites.tokyo;
      const relay = await relayFor(t, name, edge.url, {
        credentials: { clientId, clientSecret: secret },
      });
      const status = async (): Promise<number> => (await push(relay)).status;
      const own: HeaderLines = [
        ["Cookie", "CF_Authorization=a-session"],
        ["CF-Access-Client-Id", "of-the-collector.access"],
        ["CF-Access-Client-Secret", "of-the-collector"],
        ["CF-Access-Token", "x"],
        ["CF-Access-Jwt-Assertion", "x"],
        ["X-Scope-OrgID", "tokyo"],
      ];
      assert.equal((await push(relay, own, `${writePath}?a=b`)).status, 204);
      assert.equal(origins.metrics.samples.length, 1);
      const [received] = origins.metrics.requests;
      const receivedOf = (header: string): string[] => valuesOf(present(received).headers, header);
      assert.deepEqual(
        ["Cookie", "CF-Access-Client-Id", "CF-Access-Client-Secret", "CF-Access-Token"].map(receivedOf),
        [[], [clientId], [], []],
      );
      assert.deepEqual(receivedOf("X-Scope-OrgID"), ["tokyo"]);
      assert.equal(present(received).path, "/api/v1/write?a=b");
      const line = { timestamp: "1795000000000000000", line: "x" };
      const logs = await send(relay.url, {
        host: "localhost",
        path: "/logs/loki/api/v1/push",
        headers: lokiHeaders("json"),
        body: lokiBody([{ labels: { provider: "tokyo" }, lines: [line] }], "json"),
      });
      assert.equal(logs.status, 204);
      assert.equal(origins.logs.lines.length, 1);
      const rubbish = await send(relay.url, { host: "x", path: writePath, body: Buffer.from("x") });
      assert.equal(rubbish.status, 400);

      // Disabled, and let in again.
      await client.zeroTrust.access.serviceTokens.update(tokenId, { account_id, enabled: false });
      assert.equal(await status(), 503);
      await client.zeroTrust.access.serviceTokens.update(tokenId, { account_id, enabled: true });
      assert.equal(await status(), 204);
      // Rotated without a window, and brought to the site later.
      const rotated = await client.zeroTrust.access.serviceTokens.rotate(tokenId, { account_id });
      assert.equal(await status(), 503);
      await relay.rotate({ clientId, clientSecret: present(rotated.client_secret) });
      assert.equal(await status(), 204);
      // Other obstacles on the way.
      for (const kind of [
        "challenge",
        "block",
        "integrity",
        "page",
        429,
        500,
        522,
        530,
      ] satisfies Interference[]) {
        const stop = edge.interfere(kind);
        assert.equal(await status(), 503, `${kind}`);
        stop();
      }
      assert.equal(await status(), 204);
      // An Allow policy and no 401: the edge redirects to the login page, and nobody goes there.
      const application = present(api.database.applications.get(applications.metrics.writePaths));
      const allow = await client.zeroTrust.access.policies.create({
        account_id,
        name: "allow",
        decision: "allow",
        include: [{ everyone: {} }],
      });
      application.service_auth_401_redirect = false;
      application.policies.push({ id: present(allow.id), precedence: 1000 });
      await client.zeroTrust.access.serviceTokens.update(tokenId, { account_id, enabled: false });
      edge.clear();
      assert.equal(await status(), 503);
      assert.deepEqual(
        edge.answered.map((answer) => `${answer.method} ${answer.host}: ${answer.status}`),
        ["POST prom.example.com: 302"],
      );
      await client.zeroTrust.access.serviceTokens.update(tokenId, { account_id, enabled: true });
      assert.equal(await status(), 204);
      // No connector, then no edge at all.
      await connector.close();
      assert.equal(await status(), 503);
      await edge.close();
      const silent = await push(relay);
      assert.equal(silent.status, 503);
      assert.equal(silent.body.toString().trim(), "sitepass relay: no answer from the edge");
      assert.doesNotMatch(relay.text(), new RegExp(`${secret}|${present(rotated.client_secret)}|cfast_`));
    });

    it("names the site's tenant itself, whatever the collector names", async (t) => {
      const seen: (string | undefined)[] = [];
      const edge = await scriptedEdge(t, ({ rawHeaders }, response) => {
        seen.push(valuesOf(headerLines(rawHeaders), "X-Scope-OrgID").join(" and "));
        response.writeHead(204).end();
      });
      const relay = await relayFor(t, name, edge, { tenant: "eu.tokyo_1" });
      for (const own of [[], [["X-Scope-OrgID", "osaka"]]] as const) {
        assert.equal((await push(relay, own)).status, 204);
        assert.equal((await push(relay, own, "/logs/otlp/v1/logs")).status, 204);
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 4 }, () => "eu.tokyo_1"),
      );
    });

    it("answers on loopback alone, and to nothing but pushes to the write paths, up to a size", async (t) => {
      const requests: string[] = [];
      const edge = await scriptedEdge(t, ({ method = "", url = "" }, response) => {
        requests.push(`${method} ${url}`);
        response.writeHead(204).end();
      });
      const relay = await relayFor(t, name, edge);
      const port = Number(new URL(relay.url).port);
      const addresses = ["127.0.0.2", "::1"].concat(
        Object.values(networkInterfaces())
          .flatMap((found = []) => found)
          .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)
          .map(({ address }) => address),
      );
      assert.equal(await answersAt("127.0.0.1", port), true);
      for (const address of addresses) {
        assert.equal(await answersAt(address, port), false, address);
      }

      const answerTo = async (method: string, path: string, headers: HeaderLines = []): Promise<number> =>
        (await send(relay.url, { host: "x", method, path, headers })).status;
      assert.equal(await answerTo("GET", "/ready"), 200);
      for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
        assert.equal(await answerTo(method, writePath), 405, method);
      }
      for (const path of [
        "/",
        "/api/v1/write",
        "/metrics",
        "/metrics/api/v1/query",
        "/metrics/-/reload",
        `${writePath}/`,
        `${writePath}/x`,
        `${writePath}/../query`,
        "/METRICS/api/v1/write",
        "/metrics/loki/api/v1/push",
        "/logs/api/v1/write",
        "/logs/loki/api/v1/query",
      ]) {
        assert.equal(await answerTo("POST", path), 404, path);
      }
      assert.equal(await answerTo("POST", writePath, [["Origin", "https://evil.example"]]), 403);
      assert.deepEqual(requests, []);
      // Another spelling of a write path goes on as the path itself.
      assert.equal(await answerTo("POST", "/metrics/api/x/../v1/%77rite"), 204);
      assert.equal(await answerTo("POST", "/logs/otlp/v1/logs"), 204);
      assert.deepEqual(requests.splice(0), ["POST /api/v1/write", "POST /otlp/v1/logs"]);

      const longest = Buffer.alloc(16_000_000);
      const announced = (body: Buffer): Promise<number> =>
        statusOfRaw(relay.url, [["Content-Length", String(body.length)]], body);
      const chunked = (body: Buffer): Promise<number> =>
        statusOfRaw(
          relay.url,
          [["Transfer-Encoding", "chunked"]],
          Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")]),
        );
      assert.equal(await announced(longest), 204);
      assert.equal(await chunked(longest), 204);
      const longer = Buffer.alloc(longest.length + 1);
      assert.equal(await announced(longer), 400);
      assert.equal(await chunked(longer), 400);
      assert.deepEqual(requests, ["POST /api/v1/write", "POST /api/v1/write"]);
    });

    it("takes a new secret by a reload without losing a push, and keeps the old one when the new files are broken", async (t) => {
      const seen: string[] = [];
      let onSeen = (): void => undefined;
      const edge = await scriptedEdge(t, (request, response) => {
        seen.push(`${String(request.headers["cf-access-client-id"])} ${secretOf(request)}`);
        onSeen();
        response.writeHead(204).end();
      });
      const relay = await relayFor(t, name, edge);
      const arrived = (count: number, pair: string): Promise<void> =>
        new Promise((resolve) => {
          onSeen = () => {
            if (seen.filter((one) => one === pair).length >= count) {
              resolve();
            }
          };
        });
      const pairOf = ({ clientId, clientSecret }: Credentials): string => `${clientId} ${clientSecret}`;
      const rotated = { clientId: "other.access", clientSecret: "cfast_rotated" };
      const stop = new AbortController();
      const statuses: number[] = [];
      const collector = async (): Promise<void> => {
        while (!stop.signal.aborted) {
          statuses.push((await push(relay)).status);
        }
      };
      const collectors = [collector(), collector(), collector()];
      await arrived(20, pairOf(credentials));
      await relay.rotate(rotated);
      await arrived(20, pairOf(rotated));
      stop.abort();
      await Promise.all(collectors);
      assert.deepEqual(new Set(statuses), new Set([204]));
      assert.equal(statuses.length, seen.length);
      assert.deepEqual(new Set(seen), new Set([pairOf(credentials), pairOf(rotated)]));

      await assert.rejects(
        relay.rotate({ clientId: "third.access", clientSecret: 'x"\nbroken "' }),
        /refuses to reload/,
      );
      assert.equal((await push(relay)).status, 204);
      assert.equal(seen.at(-1), pairOf(rotated));
      assert.doesNotMatch(relay.text(), /cfast_/);
    });

    it("tells the secret only to who proves to be the host", { skip: opensslAbsence }, async (t) => {
      const authority = testAuthority(t);
      const seen: string[] = [];
      const server = createServer(authority.server, (request, response) => {
        const { socket } = request;
        seen.push(`${socket instanceof TLSSocket ? String(socket.servername) : ""} ${secretOf(request)}`);
        request.resume().on("end", () => response.writeHead(204).end());
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => {
        server.closeAllConnections();
        server.close();
      });
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      const base = `https://127.0.0.1:${address.port}`;
      const trusting = await relayFor(t, name, base, { caBundle: authority.file });
      assert.equal((await push(trusting)).status, 204);
      assert.deepEqual(seen.splice(0), [`prom.example.com ${credentials.clientSecret}`]);
      // A certificate for another host, and one of an authority that the system does not know.
      assert.equal((await push(trusting, [], "/logs/otlp/v1/logs")).status, 503);
      const usual = await relayFor(t, name, base);
      assert.equal((await push(usual)).status, 503);
      assert.deepEqual(seen, []);
    });
  });
}

/** An authority of the test's own, and a certificate of its for the metrics' host. */
function testAuthority(t: TestContext): {
  readonly file: string;
  readonly server: { readonly key: string; readonly cert: string };
} {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-authority-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const at = (name: string): string => join(folder, name);
  const certificate = (subject: string, file: string, ...more: string[]): void => {
    const key = [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-keyout",
      at(`${file}.key`),
    ];
    execFileSync(
      "openssl",
      ["req", "-x509", ...key, "-subj", `/CN=${subject}`, "-days", "2", "-out", at(file), ...more],
      { stdio: "pipe" },
    );
  };
  certificate("authority", "authority.pem");
  certificate(
    hosts.metrics,
    "server.pem",
    ...["-CA", at("authority.pem"), "-CAkey", at("authority.pem.key")],
    ...["-addext", `subjectAltName=DNS:${hosts.metrics}`, "-addext", "basicConstraints=critical,CA:FALSE"],
  );
  return {
    file: at("authority.pem"),
    server: {
      key: readFileSync(at("server.pem.key"), "utf8"),
      cert: readFileSync(at("server.pem"), "utf8"),
    },
  };
}
