import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { CollectorSite } from "../../collectors/collector";
import { prometheus } from "../../collectors/prometheus";
import { textOf, installed } from "../../collectors/testing/rendered-files";
import { testCredentials } from "../../collectors/testing/sites";
import { findProgram } from "../../local/programs/programs";
import { valuesOf } from "cloudflare-standin/edge/http-messages";
import { startReceiver } from "../../local/pushes/receiver";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import { freePort, startService, versionOf } from "../../local/run/processes";

const labels = {
  quotes: "\"'`\\ \\n",
  references: "$ $$ ${HOME} $HOME ${file:/etc/passwd} %{HOME} %h",
  marks: "# no comment: {{ . }} [x] &a *a - !!int 1",
  lines: "one\ntwo\r\n\tthree\u2028four\u0085five",
  characters: "\u00a0é東京🗼",
  yes: "no",
};

const agents = [
  {
    version: "2.42.0",
    program: versionOf("prometheus")?.includes("version 2.42.") === true ? "prometheus" : undefined,
    absent: "not on PATH: apt-get install prometheus on Debian 12",
    relayed: true,
    own: {
      path: "targets.d/own.yml",
      text: (target: string) =>
        `[{ targets: ["${target}"], labels: { job: own, __scrape_interval__: 1s, __scrape_timeout__: 1s } }]`,
    },
  },
  {
    version: "3.10.0",
    program: findProgram("prometheus", "prometheus"),
    absent: "not built: npm run programs -- prometheus",
    relayed: false,
    own: {
      path: "scrape.d/own.yml",
      text: (target: string) =>
        `scrape_configs: [{ job_name: own, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{ targets: ["${target}"] }] }]`,
    },
  },
] as const;

describe("a real Prometheus with rendered files", () => {
  for (const { version, program, absent, relayed, own } of agents) {
    it(
      `${version} scrapes what is its person's own, and pushes it with the site's labels, letter for letter`,
      { skip: program === undefined ? absent : false },
      async (context) => {
        assert.ok(program !== undefined);
        const receiver = await startReceiver();
        const target = await listenOnLoopback((_, response) => {
          response
            .writeHead(200, { "content-type": "text/plain; version=0.0.4" })
            .end('own{provider="aws"} 1\nown{provider="tokyo"} 2\n');
        }, 0);
        const site: CollectorSite = {
          name: "tokyo",
          siteLabel: "provider",
          labels,
          tenant: "ops",
          endpoints: { metrics: { base: receiver.url, paths: ["/api/v1/write"] } },
        };
        const placement = { credentials: relayed ? undefined : testCredentials };
        const release = { version, mode: "agent" } as const;
        const directory = installed(context, (there) => [
          ...prometheus.render(site, { ...placement, directory: there }, release),
          {
            path: `prometheus/${own.path}`,
            mode: 0o644,
            content: own.text(new URL(target.url).host),
          },
        ]);
        const unit = textOf(
          prometheus.render(site, { ...placement, directory }, release),
          "systemd/prometheus.service.d/sitepass.conf",
        );
        const url = `http://127.0.0.1:${await freePort()}`;
        const service = await startService(
          program,
          [
            ...commandLine(unit).map((argument) =>
              argument.replace("/var/lib/prometheus/", `${directory}/state/`),
            ),
            `--web.listen-address=${new URL(url).host}`,
          ],
          `${url}/-/ready`,
        );
        try {
          const series = () =>
            receiver.samples.map((each) => each.labels).filter(({ __name__ }) => __name__ === "own");
          const deadline = Date.now() + 60_000;
          while (series().length < 2 && Date.now() < deadline) {
            await delay(100);
          }
          const common = { ...labels, provider: "tokyo", job: "own", instance: new URL(target.url).host };
          assert.deepEqual(
            new Set(series()),
            new Set([
              { __name__: "own", ...common },
              { __name__: "own", ...common, exported_provider: "aws" },
            ]),
          );
          const { headers = [] } = receiver.requests[0] ?? {};
          assert.deepEqual(
            [valuesOf(headers, "CF-Access-Client-Id"), valuesOf(headers, "CF-Access-Client-Secret")],
            relayed ? [[], []] : [[testCredentials.clientId], [testCredentials.clientSecret]],
          );
          assert.deepEqual(valuesOf(headers, "X-Scope-OrgID"), relayed ? [] : ["ops"]);
        } finally {
          await service.close();
          await target.close();
          await receiver.close();
        }
      },
    );
  }
});

/** The arguments of a unit's command, none of which is quoted here. */
function commandLine(unit: string): readonly string[] {
  const command = /^ExecStart=prometheus((?: \\\n {2}\S+)+)$/m.exec(unit)?.[1];
  assert.ok(command !== undefined);
  return command.split(" \\\n  ").slice(1);
}
