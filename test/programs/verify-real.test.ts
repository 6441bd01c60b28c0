import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { findProgram } from "../../local/programs/programs";
import { lokiOrigin, prometheusOrigin } from "../../local/run/origins";
import { freePort, startService, versionOf } from "../../local/run/processes";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { opensslAbsence } from "../support/self-signed";
import { openVerifyWorld, type VerifyWorld } from "../support/verify-world";

const without = (program: string): string | undefined =>
  versionOf(program) === undefined ? `${program} is not on PATH` : undefined;

const lokiProgram = findProgram("loki", "loki") ?? "loki";
const skipLoki = without(lokiProgram);
const skipTls = without("prometheus") ?? opensslAbsence;

/** What Prometheus' and Loki's lists of names hold. */
const names = z.object({ data: z.array(z.string()).default([]) });

const listed = async (url: string): Promise<readonly string[]> =>
  names.parse(await (await fetch(url)).json()).data;

describe("verify, on real services", () => {
  let home: string;
  let fleet: Scenario;
  let world: VerifyWorld;

  before(async () => {
    home = mkdtempSync(join(tmpdir(), "sitepass-verify-"));
    const [engine] = engines;
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, {
      sites: { berlin: "signals: [metrics]\n", tokyo: "signals: [logs]\n" },
    });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    world = await openVerifyWorld(fleet);
  });
  after(async () => {
    await fleet.close();
    rmSync(home, { recursive: true, force: true });
  });

  it(
    "is content with what Prometheus says to an empty push, and leaves nothing in it",
    { skip: without("prometheus") },
    async (t) => {
      const directory = join(home, "prometheus");
      mkdirSync(directory);
      const prometheus = await prometheusOrigin(directory, "up");
      assert.ok(prometheus !== undefined);
      t.after(() => prometheus.close());
      const path = await world.openPath(t, { origin: prometheus.url });
      assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), []);
      assert.deepEqual(await listed(`${prometheus.url}/api/v1/label/__name__/values`), []);
    },
  );

  it("says that Prometheus was started without its receiver", { skip: without("prometheus") }, async (t) => {
    const directory = join(home, "closed");
    mkdirSync(directory);
    writeFileSync(join(directory, "prometheus.yml"), "global: {}\n");
    const url = `http://127.0.0.1:${await freePort()}`;
    const prometheus = await startService(
      "prometheus",
      [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=${new URL(url).host}`,
      ],
      `${url}/-/ready`,
    );
    t.after(() => prometheus.close());
    const path = await world.openPath(t, { origin: url });
    const [line = "", ...others] = await world.problems(path, { sites: ["berlin"] });
    assert.match(
      line,
      /^berlin \(metrics\): POST \/api\/v1\/write is answered with 404 "remote write receiver needs to be enabled .*" from the origin\. Start Prometheus with --web\.enable-remote-write-receiver\.$/,
    );
    assert.deepEqual(others, []);
  });

  it(
    "is content with what Loki says to empty pushes, and leaves nothing in it",
    { skip: skipLoki },
    async (t) => {
      const directory = join(home, "loki");
      mkdirSync(directory);
      const loki = await lokiOrigin(directory, { program: lokiProgram });
      assert.ok(loki !== undefined);
      t.after(() => loki.close());
      const path = await world.openPath(t, { origin: loki.url });
      assert.deepEqual(await world.problems(path, { sites: ["tokyo"] }), []);
      assert.deepEqual(await listed(`${loki.url}/loki/api/v1/labels`), []);
    },
  );

  it("is content with a Loki that has tenants only when pushes name one", { skip: skipLoki }, async (t) => {
    const directory = join(home, "tenants");
    mkdirSync(directory);
    const loki = await lokiOrigin(directory, { program: lokiProgram, tenant: "tokyo" });
    assert.ok(loki !== undefined);
    t.after(() => loki.close());
    const path = await world.openPath(t, { origin: loki.url });
    const { config } = world.stack;
    assert.deepEqual(await world.problems(path, { sites: ["tokyo"] }), [
      'tokyo (logs): POST /loki/api/v1/push and 1 more are answered with 401 "no org id" from the origin. Set sitepass:tenant, which every rendered collector then names, or set auth_enabled to false at http://localhost:3100: collectors lose what is answered like this.',
    ]);
    for (const tenant of ["ops", "{site}"]) {
      assert.deepEqual(await world.problems(path, { sites: ["tokyo"], config: { ...config, tenant } }), []);
    }
  });

  it(
    "says that Prometheus expects TLS where the tunnel speaks none",
    { skip: skipTls, timeout: 60_000 },
    async (t) => {
      const directory = join(home, "tls");
      mkdirSync(directory);
      const [key, cert, web] = ["key.pem", "cert.pem", "web.yml"].map((name) => join(directory, name));
      execFileSync(
        "openssl",
        [
          ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
          ...["-subj", "/CN=localhost", "-days", "1", "-keyout", String(key), "-out", String(cert)],
        ],
        { stdio: "pipe" },
      );
      writeFileSync(String(web), "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n");
      writeFileSync(join(directory, "prometheus.yml"), "global: {}\n");
      const url = `http://127.0.0.1:${await freePort()}`;
      const prometheus = await startService(
        "prometheus",
        [
          `--config.file=${join(directory, "prometheus.yml")}`,
          `--storage.tsdb.path=${join(directory, "data")}`,
          "--web.enable-remote-write-receiver",
          `--web.listen-address=${new URL(url).host}`,
          `--web.config.file=${String(web)}`,
        ],
        undefined,
      );
      t.after(() => prometheus.close());
      // It says that it is ready before it listens.
      while ((await fetch(url).catch(() => undefined))?.status !== 400) {
        await delay(50);
      }
      const path = await world.openPath(t, { origin: url });
      let problems: readonly string[];
      do {
        problems = await world.problems(path, { sites: ["berlin"] });
        // Go closes the connection with the request unread, and the reset at times overtakes the answer.
      } while (problems.some((problem) => problem.includes("is answered with 502")));
      assert.deepEqual(problems, [
        'berlin (metrics): POST /api/v1/write is answered with 400 "Client sent an HTTP request to an HTTPS server." from the origin. Write sitepass:endpoints.metrics.origin with https: http://localhost:9090 expects TLS.',
      ]);
    },
  );
});
