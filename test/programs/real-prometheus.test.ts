import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startConnector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge } from "cloudflare-standin/edge/edge";
import { prometheusOrigin } from "../../local/run/origins";
import { freePort, startService, versionOf, type ServiceProcess } from "../../local/run/processes";
import { startHeaderProxy } from "../../local/run/header-proxy";
import { engines } from "../support/engines";
import { openScenario } from "../support/scenario";

/** Why this cannot run here; undefined when it can. */
const absent = [
  ...(versionOf("prometheus") === undefined ? ["prometheus"] : []),
  // nginx has no --version.
  ...(spawnSync("nginx", ["-v"]).status === 0 ? [] : ["nginx"]),
];
const skip =
  absent.length === 0 ? undefined : `${absent.join(" and ")} not on PATH: apt-get install prometheus nginx`;

/** A site's Prometheus in agent mode: it scrapes itself and writes to `target`. */
async function startAgent(
  directory: string,
  url: string,
  target: string,
  site: string,
): Promise<ServiceProcess> {
  mkdirSync(directory);
  const { host } = new URL(url);
  writeFileSync(
    join(directory, "prometheus.yml"),
    JSON.stringify({
      global: { scrape_interval: "1s", external_labels: { provider: site } },
      scrape_configs: [{ job_name: "self", static_configs: [{ targets: [host] }] }],
      remote_write: [
        { url: target, follow_redirects: false, queue_config: { batch_send_deadline: "500ms" } },
      ],
    }),
  );
  return startService(
    "prometheus",
    [
      "--enable-feature=agent",
      `--config.file=${join(directory, "prometheus.yml")}`,
      `--storage.agent.path=${join(directory, "data")}`,
      `--web.listen-address=${host}`,
    ],
    `${url}/-/ready`,
  );
}

const [engine] = engines;

describe("a real Prometheus", () => {
  it(
    "in agent mode writes through Access and the tunnel to another, under its site's label",
    { skip },
    async (t) => {
      assert.ok(engine !== undefined);
      const home = mkdtempSync(join(tmpdir(), "sitepass-prometheus-"));
      t.after(() => {
        rmSync(home, { recursive: true, force: true });
      });
      const fleet = await openScenario(engine, { sites: { tokyo: "" } });
      t.after(() => fleet.close());
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      const { sites, tunnelToken } = await fleet.outputs();
      const { tokyo } = sites;
      assert.ok(tokyo !== undefined && tunnelToken !== undefined);

      mkdirSync(join(home, "central"));
      const central = await prometheusOrigin(join(home, "central"), "up");
      assert.ok(central !== undefined);
      t.after(() => central.close());
      const { database } = fleet.standIn;
      const edge = await startEdge({ database });
      t.after(() => edge.close());
      const services = new Map([["http://localhost:9090", central.url]]);
      const connector = await startConnector({ database, tunnelToken, services });
      t.after(() => connector.close());
      // Debian 12's Prometheus never sends headers.
      const proxy = await startHeaderProxy(
        join(home, "proxy"),
        await edge.hostUrl("prom.example.com"),
        tokyo,
      );
      t.after(() => proxy.close());
      const agent = await startAgent(
        join(home, "agent"),
        `http://127.0.0.1:${await freePort()}`,
        `${proxy.url}/api/v1/write`,
        "tokyo",
      );
      t.after(() => agent.close());

      let arrived: readonly string[] = [];
      for (let tries = 0; arrived.length === 0 && tries < 200; tries += 1) {
        await delay(100);
        arrived = [...(await central.arrived("provider")).keys()];
      }
      assert.deepEqual(arrived, ["tokyo"], agent.text());
      const writes = edge.answered.filter(({ path }) => path === "/api/v1/write");
      assert.ok(writes.length > 0);
      assert.deepEqual(
        new Set(writes.map(({ status, by }) => `${status} by ${by}`)),
        new Set(["204 by origin"]),
      );
      const token = [...database.serviceTokens.values()][0];
      assert.notEqual(token?.lastSeenAt, null);
    },
  );
});
