import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { describe, it } from "node:test";
import { parse } from "smol-toml";
import { z } from "zod";
import { decodeRemoteWrite, type Series } from "../local/pushes/push-messages";
import type { CollectorRelease } from "./collector";
import { telegraf } from "./telegraf";
import { assertSecretsKept, textOf, installed, refusalsOf } from "./testing/rendered-files";
import { outcome, pinnedProgram } from "./testing/programs";
import {
  anyPlacement,
  anySite,
  bare,
  behindRelay,
  testCredentials,
  tokyo,
  tokyoBehindRelay,
  hostileLabels,
} from "./testing/sites";
import fc from "fast-check";
import "../test/support/fixed-seed";

const newest: CollectorRelease = { version: telegraf.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the files for Telegraf", () => {
  it("read back as exactly the site's URLs, labels and sources of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(anySite, anyPlacement, (site, placement) => {
        const files = telegraf.render(site, placement, newest);
        assertSecretsKept(files);
        const { secretstores, global_tags, processors, outputs } = configurationSchema.parse(
          withoutVariables(parse(textOf(files, "telegraf/telegraf.conf"))),
        );
        const { metrics, logs } = site.endpoints;
        assert.deepEqual(
          secretstores,
          placement.credentials && {
            docker: [{ id: "sitepass", path: "/etc/sitepass/telegraf/credentials", dynamic: true }],
          },
        );
        assert.deepEqual({ ...global_tags }, { ...site.labels });
        assert.deepEqual(processors, {
          rename: [{ order: 1, replace: [{ tag: site.siteLabel, dest: `exported_${site.siteLabel}` }] }],
          override: [{ order: 2, tags: { [site.siteLabel]: site.name } }],
        });
        const credentials = placement.credentials && {
          "CF-Access-Client-Id": "@{sitepass:client_id}",
          "CF-Access-Client-Secret": "@{sitepass:client_secret}",
        };
        assert.deepEqual(
          outputs.http.map(({ url, headers, namepass, namedrop }) => ({ url, headers, namepass, namedrop })),
          [
            ...(metrics
              ? [
                  {
                    url: `${metrics.base}${metrics.paths[0]}`,
                    headers: {
                      "Content-Type": "application/x-protobuf",
                      "Content-Encoding": "snappy",
                      "X-Prometheus-Remote-Write-Version": "0.1.0",
                      ...credentials,
                    },
                    namepass: undefined,
                    namedrop: ["log"],
                  },
                ]
              : []),
            ...(logs
              ? [
                  {
                    url: `${logs.base}${logs.paths[0]}`,
                    headers: { "Content-Type": "application/json", ...credentials },
                    namepass: ["log"],
                    namedrop: undefined,
                  },
                ]
              : []),
          ],
        );
        assert.deepEqual(telegraf.render(site, placement, newest), files);
      }),
      { numRuns: 100 },
    );
  });

  const { program, skip } = pinnedProgram("telegraf");

  it("are what a real Telegraf takes them for", { skip }, async (context) => {
    for (const [site, placement] of [
      [tokyo, bare],
      [tokyoBehindRelay, behindRelay],
    ] as const) {
      const directory = installed(context, (folder) =>
        telegraf.render({ ...site, labels: hostileLabels }, { ...placement, directory: folder }, newest),
      );
      const { validator } = telegraf.service({ ...placement, directory }, newest);
      const { status, stderr } = await outcome(program, validator.args);
      assert.equal(status, 0, stderr);
    }
  });

  it("make a real Telegraf push each label and both headers as they are", { skip }, async (context) => {
    const pushes: { readonly headers: IncomingHttpHeaders; readonly series: readonly Series[] }[] = [];
    const central = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        pushes.push({ headers: request.headers, series: decodeRemoteWrite(Buffer.concat(chunks)) });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => central.listen(0, "127.0.0.1", resolve));
    context.after(() => central.close());
    const address = central.address();
    assert.ok(typeof address === "object" && address !== null);
    const base = `http://127.0.0.1:${address.port}`;
    const directory = installed(context, (folder) =>
      telegraf.render(
        {
          ...tokyo,
          labels: hostileLabels,
          tenant: "ops",
          endpoints: { metrics: { base, paths: ["/api/v1/write"] } },
        },
        { ...bare, directory: folder },
        newest,
      ),
    );
    const { status, stderr } = await outcome(program, [
      "--once",
      "--config",
      `${directory}/telegraf/telegraf.conf`,
      "--config-directory",
      `${directory}/telegraf/inputs.d`,
    ]);
    assert.equal(status, 0, stderr);
    assert.ok(!stderr.includes(testCredentials.clientSecret));
    const [push, ...more] = pushes;
    assert.ok(push !== undefined && more.length === 0, stderr);
    assert.equal(push.headers["cf-access-client-id"], testCredentials.clientId);
    assert.equal(push.headers["cf-access-client-secret"], testCredentials.clientSecret);
    assert.equal(push.headers["x-scope-orgid"], "ops");
    const up = push.series.filter(({ labels }) => labels.__name__ === "up");
    assert.deepEqual(
      up.map(({ labels: { host, ...labels }, samples }) => [
        typeof host,
        labels,
        samples.map(({ value }) => value),
      ]),
      [["string", { __name__: "up", provider: "tokyo", ...hostileLabels }, [1]]],
    );
  });
});

/**
 * What Telegraf makes of a parsed file: in each string `$$` is a dollar sign, and another would begin a variable of the
 * environment (config/envvar.go). Where the text is replaced before it is parsed, the outcome is the same.
 */
function withoutVariables(value: unknown): unknown {
  if (typeof value === "string") {
    return value.replace(/\$\$?/g, (dollars) => {
      assert.equal(dollars, "$$", `${value} is expanded`);
      return "$";
    });
  }
  if (Array.isArray(value)) {
    return value.map(withoutVariables);
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutVariables(entry)]))
    : value;
}

const names = z.array(z.string()).optional();

const configurationSchema = z.object({
  secretstores: z.unknown().optional(),
  global_tags: z.record(z.string(), z.string()),
  processors: z.strictObject({ override: z.unknown(), rename: z.unknown() }),
  outputs: z.strictObject({
    http: z.array(
      z.object({
        url: z.string(),
        headers: z.record(z.string(), z.string()),
        namepass: names,
        namedrop: names,
      }),
    ),
  }),
});

describe("Telegraf", () => {
  it("is refused before 1.39.3, with the relay too", () => {
    for (const [site, placement] of [
      [tokyo, bare],
      [tokyoBehindRelay, behindRelay],
    ] as const) {
      assert.deepEqual(refusalsOf(telegraf, site, placement, release("1.39.2")), [
        "--release: is 1.39.2, and before 1.39.3 Telegraf sends of a backlog the newest sample in each request and throws the others away. Install 1.39.3 or later.",
      ]);
      assert.deepEqual(refusalsOf(telegraf, site, placement, newest), []);
    }
    assert.deepEqual(refusalsOf(telegraf, tokyo, bare, release("unknown")), [
      '--release: is "unknown", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
    ]);
  });

  it("is refused when no write path speaks Loki's push API, or remote write", () => {
    const site = {
      ...tokyo,
      endpoints: {
        metrics: { base: "https://prom.example.com", paths: ["/otlp/v1/metrics"] as const },
        logs: { base: "https://loki.example.com", paths: ["/otlp/v1/logs"] as const },
      },
    };
    assert.deepEqual(refusalsOf(telegraf, site, bare, newest), [
      "sitepass:endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      "sitepass:endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
    ]);
  });

  it("says what is lost, and when", () => {
    assert.deepEqual(telegraf.notes(tokyo, bare, newest), [
      "Telegraf follows redirects, and has no option against it: if central ever answers with one, such as to a login page, it takes the page's 200 for a delivery and hands the page the secret. Take the relay (relay: nginx or caddy in the site's file) to rule that out.",
      "Of a line longer than 49,152 bytes Telegraf sends so much and marks it [cut].",
      "Metrics that cannot be sent wait in memory, 100,000 metrics, and a restart loses them. An outage of 24 hours at up to 34 every 30 seconds loses nothing when central's Prometheus has an out_of_order_time_window of 25h or more; in a longer one the oldest is dropped.",
      "Logs that cannot be sent wait in memory, 100,000 lines, and a restart loses them. An outage of 24 hours at up to 34 every 30 seconds loses nothing; in a longer one the oldest is dropped.",
      "While central cannot be reached, leave Telegraf running.",
    ]);
    assert.deepEqual(
      telegraf.notes(tokyoBehindRelay, behindRelay, newest),
      telegraf.notes(tokyo, bare, newest).slice(1),
    );
  });

  it("takes a new secret from its file by itself", () => {
    assert.deepEqual(telegraf.service(bare, newest), {
      unit: "telegraf",
      user: "telegraf",
      validator: {
        program: "telegraf",
        args: [
          "config",
          "check",
          "--config",
          "/etc/sitepass/telegraf/telegraf.conf",
          "--config-directory",
          "/etc/sitepass/telegraf/inputs.d",
        ],
      },
      rereadsSecrets: true,
    });
  });
});
