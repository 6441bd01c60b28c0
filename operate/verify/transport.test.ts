import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { connect as connectTo, createServer as createTcpServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { opensslAbsence, startSelfSigned } from "../../test/support/self-signed";
import { viaTo } from "./testing/via-to";
import {
  failureReason,
  networkFailure,
  openTransport,
  type Reply,
  type Transport,
  type TransportOptions,
} from "./transport";

async function listening(t: TestContext, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return `http://127.0.0.1:${address.port}`;
}

const serverOf = (t: TestContext, listener: RequestListener) => listening(t, createServer(listener));

/** Sends one push to an address. */
async function ask(t: TestContext, url: string, options: Partial<TransportOptions> = {}): Promise<Reply> {
  const transport = openTransport({
    via: viaTo(url),
    concurrency: 2,
    requestTimeout: 5000,
    abort: undefined,
    pauses: [1, 1],
    ...options,
  });
  t.after(() => {
    transport.close();
  });
  return transport.send({
    hostname: "prom.example.com",
    method: "POST",
    path: "/api/v1/write",
    credentials: { clientId: "id", clientSecret: "secret" },
  });
}

describe("openTransport", () => {
  it("sends an empty push with the pair of headers, for the public host", async (t) => {
    const seen: unknown[] = [];
    const url = await serverOf(t, ({ method, url: path, headers }, response) => {
      seen.push({ method, path, headers });
      response.end();
    });
    await ask(t, url);
    assert.deepEqual(seen, [
      {
        method: "POST",
        path: "/api/v1/write",
        headers: {
          host: "prom.example.com",
          "user-agent": "sitepass-verify",
          accept: "*/*",
          "content-type": "application/x-protobuf",
          "content-length": "0",
          "cf-access-client-id": "id",
          "cf-access-client-secret": "secret",
          connection: "keep-alive",
        },
      },
    ]);
  });

  it("takes a redirect for an answer", async (t) => {
    let requests = 0;
    const url = await serverOf(t, (_request, response) => {
      requests += 1;
      response.writeHead(302, { location: "/login" }).end();
    });
    const reply = await ask(t, url);
    assert.ok("status" in reply);
    assert.deepEqual([reply.status, reply.headers.get("location"), requests], [302, "/login", 1]);
  });

  it("reads no more of an answer than it needs", async (t) => {
    const url = await serverOf(t, (_request, response) => {
      const more = () => {
        while (response.write("x".repeat(10_000))) {
          // Until the other side no longer takes it.
        }
      };
      response.on("drain", more);
      more();
    });
    const reply = await ask(t, url);
    assert.ok("body" in reply);
    assert.equal(reply.body.length, 16 * 1024);
  });

  it("repeats a request that a network failure ended", async (t) => {
    let connections = 0;
    const http = createServer((_request, response) => response.end("there"));
    const url = await listening(
      t,
      createTcpServer((socket) => {
        connections += 1;
        if (connections < 3) {
          socket.destroy();
        } else {
          http.emit("connection", socket);
        }
      }),
    );
    const reply = await ask(t, url);
    assert.ok("body" in reply);
    assert.deepEqual([reply.body, connections], ["there", 3]);
  });

  it("says how often it tried in vain", async (t) => {
    const closing = await listening(
      t,
      createTcpServer((socket) => socket.destroy()),
    );
    assert.deepEqual(await ask(t, closing), { failure: "closed", reason: "ECONNRESET, 3 times" });
    const gone = createServer();
    const url = await listening(t, gone);
    await new Promise((resolve) => gone.close(resolve));
    assert.deepEqual(await ask(t, url), { failure: "refused", reason: "ECONNREFUSED, 3 times" });
  });

  it("waits no longer than allowed, for the first byte and for the last", async (t) => {
    const silent = await serverOf(t, () => undefined);
    assert.deepEqual(await ask(t, silent, { requestTimeout: 50 }), {
      failure: "time-out",
      reason: "no answer within 0.05 s, 2 times",
    });
    const stalling = await serverOf(t, (_request, response) => {
      response.write("half");
    });
    assert.deepEqual(await ask(t, stalling, { requestTimeout: 200 }), {
      failure: "time-out",
      reason: "no answer within 0.2 s, 2 times",
    });
  });

  it("does not repeat what would fail again", async (t) => {
    let connections = 0;
    const url = await listening(
      t,
      createTcpServer((socket) => {
        connections += 1;
        socket.end("220 mail.example.com ESMTP\r\n");
      }),
    );
    const reply = await ask(t, url);
    assert.ok("failure" in reply);
    assert.deepEqual([reply.failure, connections], ["no-http", 1]);
    const overTls = await ask(t, url.replace("http:", "https:"));
    assert.ok("failure" in overTls);
    assert.deepEqual([overTls.failure, connections], ["tls", 2]);
  });

  it("ends what is under way when it is aborted", async (t) => {
    const stopping = new AbortController();
    const url = await serverOf(t, () => {
      stopping.abort(new Error("stopped by a test"));
    });
    await assert.rejects(ask(t, url, { abort: stopping.signal }), { message: "stopped by a test" });
  });
});

const withCode = (code: string, message = code) => Object.assign(new Error(message), { code });

describe("openTransport, behind a proxy", () => {
  /** Asks the public host by way of a proxy that does this with CONNECT. */
  async function askBehind(
    t: TestContext,
    connect: (socket: Duplex, head: Buffer) => void,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly reply: Reply; readonly asked: readonly string[]; readonly transport: Transport }> {
    const asked: string[] = [];
    const server = createServer();
    server.on("connect", ({ url = "" }, socket, head) => {
      asked.push(url);
      connect(socket, head);
    });
    const proxy = await listening(t, server);
    Object.assign(process.env, { HTTPS_PROXY: proxy, ...environment });
    t.after(() => {
      for (const name of ["HTTPS_PROXY", ...Object.keys(environment)]) {
        Reflect.deleteProperty(process.env, name);
      }
    });
    const transport = openTransport({
      via: undefined,
      concurrency: 2,
      requestTimeout: 5000,
      abort: undefined,
      pauses: [1],
    });
    t.after(() => {
      transport.close();
    });
    const reply = await transport.send({
      hostname: "prom.example.com",
      method: "POST",
      path: "/api/v1/write",
      credentials: { clientId: "id", clientSecret: "secret" },
    });
    return { reply, asked, transport };
  }

  it("goes through it by CONNECT", { skip: opensslAbsence }, async (t) => {
    const { port } = new URL(await startSelfSigned(t));
    const { reply, asked } = await askBehind(
      t,
      (socket, head) => {
        const origin = connectTo(Number(port), "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          origin.write(head);
          origin.pipe(socket).pipe(origin);
        });
        socket.on("error", () => origin.destroy());
      },
      // The server's certificate is nobody's.
      { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    );
    assert.deepEqual(asked, ["prom.example.com:443"]);
    assert.ok("status" in reply, JSON.stringify(reply));
    assert.deepEqual([reply.status, reply.body], [200, ""]);
  });

  it("tells the proxy's refusal from the host's", async (t) => {
    const { reply, asked } = await askBehind(t, (socket) => {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    });
    assert.deepEqual(reply, { failure: "proxy", reason: "it answers CONNECT with 407, 2 times" });
    assert.equal(asked.length, 2);
  });

  it("tells a proxy that is not there from a host that is not", async (t) => {
    const { reply } = await askBehind(t, () => undefined, { HTTPS_PROXY: "http://127.0.0.1:9" });
    assert.deepEqual(reply, { failure: "proxy", reason: "ECONNREFUSED, 2 times" });
  });

  it("refuses a proxy whose password cannot be read, and does not show it", async (t) => {
    await assert.rejects(
      askBehind(t, () => undefined, { HTTPS_PROXY: "http://me:50%@127.0.0.1:9" }),
      {
        message:
          "HTTPS_PROXY: has a user or a password with a percent sign of its own, which is written %25. Write it as in http://proxy.example.net:3128, or unset it.",
      },
    );
  });

  it("passes the hosts by that NO_PROXY names", async (t) => {
    const { reply, asked } = await askBehind(t, () => undefined, { NO_PROXY: "prom.example.com" });
    assert.ok("failure" in reply && reply.failure !== "proxy", JSON.stringify(reply));
    assert.deepEqual(asked, []);
  });
});

describe("networkFailure", () => {
  it("sorts what Node says by what a person would do about it", () => {
    const codes = {
      dns: ["ENOTFOUND"],
      resolver: ["EAI_AGAIN", "EAI_FAIL"],
      tls: [
        "ERR_TLS_CERT_ALTNAME_INVALID",
        "CERT_HAS_EXPIRED",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        "EPROTO",
      ],
      "time-out": ["ETIMEDOUT"],
      refused: ["ECONNREFUSED"],
      closed: ["ECONNRESET", "EPIPE"],
      unreachable: ["EHOSTUNREACH", "ENETUNREACH", "E_NOBODY_KNOWS"],
      "no-http": ["HPE_INVALID_CONSTANT"],
    };
    for (const [failure, those] of Object.entries(codes)) {
      for (const code of those) {
        assert.equal(networkFailure(withCode(code)), failure, code);
      }
    }
  });

  it("looks into the failures of several addresses", () => {
    const both = new AggregateError([withCode("ECONNREFUSED"), withCode("ENETUNREACH")]);
    assert.equal(networkFailure(both), "refused");
    assert.equal(failureReason(both), "ECONNREFUSED");
  });
});

describe("failureReason", () => {
  it("adds OpenSSL's reason to its code", () => {
    const error = withCode(
      "EPROTO",
      "write EPROTO 00A8:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl3_record.c:355:\n",
    );
    assert.equal(failureReason(error), "EPROTO, wrong version number");
    assert.equal(failureReason(new Error("no answer\nat all")), "no answer");
  });
});
