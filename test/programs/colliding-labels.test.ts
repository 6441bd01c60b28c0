import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import type { CollectorSite } from "../../collectors/collector";
import { pinnedProgram } from "../../collectors/testing/programs";
import { installed } from "../../collectors/testing/rendered-files";
import { behindRelay } from "../../collectors/testing/sites";
import type { Labels } from "../../local/pushes/push-messages";
import { startReceiver } from "../../local/pushes/receiver";
import { freePort, startService } from "../../local/run/processes";
import { runnableCollectors } from "../support/runnable-collectors";

/** A value that vmagent would expand if it were written as it is. */
const zone = "x{{ sensor }}%{HOME}$1";

const siteLabels = { region: "apac", zone };

/** Series of a site's own inputs, with labels that the site has too, and what central is to get. */
const series: readonly { readonly brought: Labels; readonly arrives: Labels }[] = [
  { brought: { sensor: "a" }, arrives: { sensor: "a", ...siteLabels } },
  { brought: { sensor: "b", region: "eu" }, arrives: { sensor: "b", region: "eu", zone } },
  {
    brought: { sensor: "c", provider: "osaka", zone: "z" },
    arrives: { sensor: "c", exported_provider: "osaka", region: "apac", zone: "z" },
  },
  {
    brought: { sensor: "c", provider: "lima", zone: "z" },
    arrives: { sensor: "c", exported_provider: "lima", region: "apac", zone: "z" },
  },
];

/** Labels that say which collector and which target a series came from. */
const ofTheWay: ReadonlySet<string> = new Set([
  "__name__",
  "host",
  "instance",
  "job",
  "otel_scope_name",
  "otel_scope_version",
]);

describe("labels of the site that data bring too", () => {
  for (const { collector, program: name, version, adapt, drops } of runnableCollectors) {
    const { program, skip } = pinnedProgram(name);

    it(`make the same series with ${collector.title}`, { skip }, async (context) => {
      const receiver = await startReceiver();
      const text = series
        .map(({ brought }) => {
          const labels = Object.entries(brought).map(([name, value]) => `${name}="${value}"`);
          return `own{${labels.join(",")}} 1\n`;
        })
        .join("");
      const target = await listenOnLoopback((_, response) => {
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
      }, 0);
      const site: CollectorSite = {
        name: "tokyo",
        siteLabel: "provider",
        labels: siteLabels,
        endpoints: { metrics: { base: receiver.url, paths: ["/api/v1/write"] } },
      };
      const folder = installed(context, (directory) =>
        collector.render(site, { ...behindRelay, directory }, { version, mode: "agent" }),
      );
      const input = { target: new URL(target.url).host, series: series.map(({ brought }) => brought) };
      const args = adapt(folder, input, await freePort());
      const service = await startService(program, args, undefined);
      try {
        const arrived = () =>
          receiver.samples
            .map(({ labels }) => labels)
            .filter(({ __name__ }) => __name__ === "own")
            .map((labels) =>
              Object.fromEntries(Object.entries(labels).filter(([name]) => !ofTheWay.has(name))),
            );
        const wanted = new Set(
          series
            .map(({ arrives: { exported_provider, ...others } }) => ({
              ...others,
              provider: "tokyo",
              ...(exported_provider === undefined || drops ? {} : { exported_provider }),
            }))
            // Two that differ in what is dropped alone are one.
            .filter((one, index, all) => all.findIndex((other) => isDeepStrictEqual(one, other)) === index),
        );
        const deadline = Date.now() + 30_000;
        while (arrived().length < wanted.size && Date.now() < deadline) {
          await delay(100);
        }
        assert.deepEqual(new Set(arrived()), wanted, service.text());
      } finally {
        await service.close();
        await target.close();
        await receiver.close();
      }
    });
  }
});
