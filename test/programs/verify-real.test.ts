import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { lokiOrigin, prometheusOrigin } from "../../local/run/origins";
import { freePort, startService, versionOf } from "../../local/run/processes";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { openVerifyWorld, type VerifyWorld } from "../support/verify-world";

const without = (program: string): string | undefined =>
  versionOf(program) === undefined ? `${program} is not on PATH` : undefined;

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
    { skip: without("loki") },
    async (t) => {
      const directory = join(home, "loki");
      mkdirSync(directory);
      const loki = await lokiOrigin(directory);
      assert.ok(loki !== undefined);
      t.after(() => loki.close());
      const path = await world.openPath(t, { origin: loki.url });
      assert.deepEqual(await world.problems(path, { sites: ["tokyo"] }), []);
      assert.deepEqual(await listed(`${loki.url}/loki/api/v1/labels`), []);
    },
  );
});
