import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import type { CollectorSite } from "../../collectors/collector";
import { pinnedProgram } from "../../collectors/testing/programs";
import { installed } from "../../collectors/testing/rendered-files";
import { bare } from "../../collectors/testing/sites";
import { freePort, startService } from "../../local/run/processes";
import { runnableCollectors, type RunnableCollector } from "../support/runnable-collectors";

/** Runs a collector on a site's files until something has come of it, or half a minute is over. */
async function runUntil(
  context: TestContext,
  { collector, version, adapt }: RunnableCollector,
  program: string,
  site: CollectorSite,
  isDone: () => boolean,
): Promise<string> {
  const target = await listenOnLoopback((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end("own 1\n");
  }, 0);
  const folder = installed(context, (directory) =>
    collector.render(site, { ...bare, directory }, { version, mode: "agent" }),
  );
  const input = { target: new URL(target.url).host, series: [{}] };
  const service = await startService(program, adapt(folder, input, await freePort()), undefined);
  try {
    const deadline = Date.now() + 30_000;
    while (!isDone() && Date.now() < deadline) {
      await delay(100);
    }
    return service.text();
  } finally {
    await service.close(1000);
    await target.close();
  }
}

const siteThatPushesTo = (base: string): CollectorSite => ({
  name: "tokyo",
  siteLabel: "provider",
  labels: {},
  endpoints: { metrics: { base, paths: ["/api/v1/write"] } },
});

describe("the way out of a site", () => {
  for (const runnable of runnableCollectors) {
    const { title } = runnable.collector;
    const { program, skip } = pinnedProgram(runnable.program);

    it(
      `is the site's proxy with ${title}, by CONNECT, so that it sees no secret`,
      { skip },
      async (context) => {
        const seen: string[] = [];
        const server = createServer((request, response) => {
          seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
          response.writeHead(502).end();
        });
        server.on("connect", (request, socket) => {
          seen.push(`CONNECT ${request.url ?? ""}`);
          socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        context.after(() => server.close());
        const { port } = server.address() as AddressInfo;
        const site = { ...siteThatPushesTo("https://prom.example.com"), proxy: `http://127.0.0.1:${port}` };
        const text = await runUntil(context, runnable, program, site, () => seen.length > 0);
        assert.deepEqual(new Set(seen), new Set(["CONNECT prom.example.com:443"]), text);
      },
    );

    it(`can be IPv6 alone with ${title}`, { skip }, async (context) => {
      let pushes = 0;
      const server = createServer((request, response) => {
        pushes += 1;
        request.resume();
        response.writeHead(204).end();
      });
      server.listen(0, "::1");
      const listening = await once(server, "listening").then(
        () => true,
        () => false,
      );
      if (!listening) {
        context.skip("this machine has no IPv6");
        return;
      }
      context.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const text = await runUntil(
        context,
        runnable,
        program,
        siteThatPushesTo(`http://[::1]:${port}`),
        () => pushes > 0,
      );
      assert.ok(pushes > 0, text);
    });
  }
});
