import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { outboundProxy } from "./outbound-proxy";

describe("outboundProxy", () => {
  const found = (environment: NodeJS.ProcessEnv) => {
    const { variable, address, exceptions } = outboundProxy(environment) ?? {};
    return [variable, address?.href, exceptions];
  };

  it("is what the usual variables name, in lower case first, and never leads to this machine", () => {
    const loopback = "localhost,127.0.0.1,[::1],::1,";
    assert.deepEqual(found({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: ".example.com" }), [
      "HTTPS_PROXY",
      "http://proxy:3128/",
      `${loopback}.example.com`,
    ]);
    assert.deepEqual(found({ HTTPS_PROXY: "http://a:1", https_proxy: " b:2\n", no_proxy: "*" }), [
      "https_proxy",
      "http://b:2/",
      `${loopback}*`,
    ]);
    for (const environment of [{}, { HTTPS_PROXY: "" }, { HTTP_PROXY: "http://proxy:3128" }]) {
      assert.equal(outboundProxy(environment), undefined);
    }
  });

  it("says what is wrong with it, and never shows a password", () => {
    assert.throws(() => outboundProxy({ HTTPS_PROXY: "socks5://ops:hunter2@proxy:1080" }), {
      message:
        "HTTPS_PROXY: names a proxy that speaks socks5, and only HTTP proxies are used. Write it as in http://proxy.example.net:3128, or unset it.",
    });
    assert.throws(() => outboundProxy({ https_proxy: "http://ops:hunter2@:x" }), {
      message:
        "https_proxy: is not the address of a proxy. Write it as in http://proxy.example.net:3128, or unset it.",
    });
    assert.throws(() => outboundProxy({ https_proxy: "http://ops:50%off@proxy:3128" }), {
      message:
        "https_proxy: has a user or a password with a percent sign of its own, which is written %25. Write it as in http://proxy.example.net:3128, or unset it.",
    });
  });
});

const script = `
const { openCloudflareApi } = require("./client");
const api = openCloudflareApi({ apiToken: "token" });
api.call("ask", () => api.client.accounts.get({ account_id: "0123" }, { maxRetries: 0 })).then(({ problem }) => {
  console.log(JSON.stringify(problem));
});
`;

describe("Cloudflare's API by way of a proxy", () => {
  it("is asked by CONNECT, so that the proxy sees no token, and the proxy is named when it refuses", async (t) => {
    const seen: unknown[] = [];
    const server = createServer();
    server.on("connect", ({ url, headers }, socket) => {
      seen.push([url, headers["proxy-authorization"]]);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--require", "tsx/cjs", "--eval", script],
      {
        timeout: 60_000,
        cwd: join(__dirname),
        env: { PATH: process.env.PATH, HTTPS_PROXY: `http://ops:pass@127.0.0.1:${port}` },
      },
    );
    assert.deepEqual(seen, [["api.cloudflare.com:443", `Basic ${btoa("ops:pass")}`]]);
    assert.deepEqual(JSON.parse(stdout), {
      subject: "api.cloudflare.com",
      says: "cannot be reached (Proxy response (403) !== 200 when HTTP Tunneling)",
      todo: "Check the proxy that HTTPS_PROXY names, and CLOUDFLARE_BASE_URL if it is set",
    });
  });
});
