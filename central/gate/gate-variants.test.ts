import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { CentralHost, CentralSignal, Places } from "../central-host";
import { exampleHost, exampleSeveral } from "../testing/central-hosts";
import { placesBelow } from "../places";
import { destinationsOf } from "./destinations";
import { gate } from "./gate";
import { validate, withoutHaproxy, writeGate } from "./testing/running-gate";

const [metrics, logs] = exampleHost().signals as [CentralSignal, CentralSignal];

const withOtlp: CentralSignal = { ...metrics, paths: ["/api/v1/write", "/api/v1/otlp/v1/metrics"] };

const variants: Readonly<Record<string, Partial<CentralHost>>> = {
  "by label": {},
  "by tenant": { identity: "tenant" },
  "metrics alone": { signals: [metrics] },
  "logs alone": { signals: [logs] },
  "OTLP metrics": { signals: [withOtlp, logs] },
  "several audiences": { signals: [{ ...metrics, audiences: ["c".repeat(64), "d".repeat(64)] }, logs] },
  "no audience yet": { signals: [{ ...metrics, audiences: [] }, logs] },
  "no sites": { sites: [] },
  "two stacks": exampleSeveral(),
  "VictoriaMetrics of one's own": {
    signals: [withOtlp, logs],
    ownStores: { metrics: { url: new URL("http://victoria:8428/api/v1/write"), takesExtraLabel: true } },
  },
  "Mimir and Loki of one's own": {
    identity: "tenant",
    signals: [withOtlp, logs],
    ownStores: {
      metrics: { url: new URL("https://mimir.example.net/api/v1/push?a=%20b"), takesExtraLabel: false },
      logs: { url: new URL("http://[2001:db8::1]:3100/loki/api/v1/push"), takesExtraLabel: false },
    },
  },
};

/** As in a network of containers, where every program has a name of its own. */
function placesOfContainers(directory: string): Places {
  const places = placesBelow(directory);
  const { vmagent, alloy, loki } = places.programs;
  return {
    ...places,
    programs: {
      ...places.programs,
      vmagent: { ...vmagent, host: "localhost" },
      alloy: { ...alloy, host: "localhost" },
      loki: { ...loki, host: "localhost" },
    },
  };
}

describe("the gate's files", () => {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-gate-"));
  after(() => {
    rmSync(directory, { recursive: true });
  });

  for (const [what, changes] of Object.entries(variants)) {
    it(`are taken by HAProxy: ${what}`, { skip: withoutHaproxy }, () => {
      for (const places of [placesBelow(directory), placesOfContainers(directory)]) {
        writeGate(directory, exampleHost(changes), places);
        const { ok, text } = validate(join(directory, "gate/haproxy.cfg"));
        // Names of a network that this machine is not part of are looked up again while the gate runs.
        assert.ok(ok, text);
        assert.doesNotMatch(text.replace(/^.*could not resolve address.*$/gm, ""), /WARNING/);
      }
    });
  }

  it("are the same bytes each time, and another site changes the map alone", () => {
    const places = placesBelow("/etc/sitepass");
    const host = exampleHost();
    assert.deepEqual(gate.files(host, places), gate.files(exampleHost(), places));
    const more = exampleHost({
      sites: [...host.sites, { name: "zurich", clientId: "z.access", signals: ["logs"], enabled: true }],
    });
    const changed = gate
      .files(more, places)
      .filter(({ content }, index) => content !== gate.files(host, places)[index]?.content);
    assert.deepEqual(
      changed.map(({ path }) => path),
      ["gate/sites.map"],
    );
  });

  it("name each site with what it may push, and leave out those without a token yet", () => {
    const { sites } = exampleHost();
    const files = gate.files(
      exampleHost({
        sites: [...sites, { name: "new", clientId: undefined, signals: ["logs"], enabled: true }],
      }),
      placesBelow("/etc/sitepass"),
    );
    assert.equal(
      files.find(({ path }) => path === "gate/sites.map")?.content,
      [
        "# Client ID of each site's service token, and the site's name with what it may push.",
        "11111111111111111111111111111111.access nagoya/metrics/logs/",
        "22222222222222222222222222222222.access osaka/metrics/",
        "33333333333333333333333333333333.access tokyo/shut-out/",
        "",
      ].join("\n"),
    );
  });

  it("are not needed where a site's own word is taken", () => {
    assert.equal(gate.isNeeded(exampleHost({ identity: "off" })), false);
    assert.equal(gate.isNeeded(exampleHost()), true);
  });

  it("lead each path to the store that takes it", () => {
    const places = placesBelow("/etc/sitepass");
    const led = (changes: Partial<CentralHost>): string[] => {
      const host = exampleHost(changes);
      return host.signals.flatMap((signal) =>
        destinationsOf(host, places, signal).map(
          ({ name, paths, url, tells }) => `${name} ${paths.join(",")} -> ${url.href} ${tells}`,
        ),
      );
    };
    assert.deepEqual(led({ signals: [withOtlp, logs] }), [
      "metrics_remote_write /api/v1/write -> http://127.0.0.1:8429/api/v1/write label",
      "metrics_otlp /api/v1/otlp/v1/metrics -> http://127.0.0.1:8429/opentelemetry/v1/metrics label",
      "logs_push /loki/api/v1/push -> http://127.0.0.1:3500/loki/api/v1/push tenant",
      "logs_otlp /otlp/v1/logs -> http://127.0.0.1:4318/v1/logs tenant",
    ]);
    assert.deepEqual(led({ identity: "tenant" }), [
      "metrics_remote_write /api/v1/write -> http://127.0.0.1:8429/api/v1/write label",
      "logs_push /loki/api/v1/push -> http://127.0.0.1:3100/loki/api/v1/push tenant",
      "logs_otlp /otlp/v1/logs -> http://127.0.0.1:3100/otlp/v1/logs tenant",
    ]);
    assert.deepEqual(led(variants["VictoriaMetrics of one's own"] ?? {}).slice(0, 2), [
      "metrics_remote_write /api/v1/write -> http://victoria:8428/api/v1/write label",
      "metrics_otlp /api/v1/otlp/v1/metrics -> http://victoria:8428/opentelemetry/v1/metrics label",
    ]);
    // It has no tenants that a header could name.
    assert.deepEqual(
      led({ ...variants["VictoriaMetrics of one's own"], identity: "tenant" })[0],
      "metrics_remote_write /api/v1/write -> http://victoria:8428/api/v1/write label",
    );
    assert.deepEqual(led(variants["Mimir and Loki of one's own"] ?? {}), [
      "metrics_remote_write /api/v1/write -> https://mimir.example.net/api/v1/push?a=%20b tenant",
      "metrics_otlp /api/v1/otlp/v1/metrics -> https://mimir.example.net/otlp/v1/metrics?a=%20b tenant",
      "logs_push /loki/api/v1/push -> http://[2001:db8::1]:3100/loki/api/v1/push tenant",
      "logs_otlp /otlp/v1/logs -> http://[2001:db8::1]:3100/otlp/v1/logs tenant",
    ]);
  });
});
