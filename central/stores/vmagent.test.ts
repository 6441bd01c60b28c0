import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { outcome } from "../../collectors/testing/programs";
import { findProgram } from "../../local/programs/programs";
import type { CentralHost } from "../central-host";
import { exampleHost } from "../testing/central-hosts";
import {
  otlpGauge,
  writeRequest,
  writeRequestV2,
  type LabelPair,
  type WrittenSeries,
} from "../testing/remote-write";
import { freePlaces, startProgram } from "../testing/start-program";
import { writeFiles } from "../../local/central/loopback-programs";
import { prometheus } from "./prometheus";
import { vmagent } from "./vmagent";

const programs = {
  prometheus: findProgram("prometheus", "prometheus"),
  vmagent: findProgram("vmagent", "vmagent"),
};
const missing = Object.entries(programs).flatMap(([name, path]) => (path === undefined ? [name] : []));
const skip =
  missing.length > 0 &&
  `no ${missing.join(" and no ")} on this machine; npm run programs -- ${missing.join(" ")}`;

const answer = z.object({
  data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()) })) }),
});

/** vmagent and Prometheus, started from what is rendered. */
async function startStores(context: TestContext, central: CentralHost = exampleHost()) {
  const places = await freePlaces(context);
  const store = await startProgram(context, prometheus, {
    central,
    places,
    binary: programs.prometheus ?? "prometheus",
  });
  const before = await startProgram(context, vmagent, {
    central,
    places,
    binary: programs.vmagent ?? "vmagent",
  });

  /** Pushes as the gate hands it on: the query is the gate's own. */
  const push = async (
    site: string,
    body: Buffer,
    headers: Readonly<Record<string, string>> = {},
    path = "/api/v1/write",
  ) => {
    const query = new URLSearchParams({ extra_label: `${central.siteLabel}=${site}` }).toString();
    const { status } = await fetch(`${before.url}${path}?${query}`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy", ...headers },
      body: new Uint8Array(body),
    });
    return status;
  };
  const series = async (selector: string) => {
    const query = new URLSearchParams({ query: selector }).toString();
    const response = await fetch(`${store.url}/api/v1/query?${query}`);
    return answer.parse(await response.json()).data.result.map(({ metric }) => metric);
  };
  /** Waits until something is stored, for ten seconds at most. */
  const stored = async (selector: string) => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const found = await series(selector);
      if (found.length > 0 || Date.now() > deadline) {
        return found;
      }
      await delay(100);
    }
  };
  return { push, series, stored, before };
}

const named = (name: string, ...labels: readonly LabelPair[]): readonly LabelPair[] => [
  ["__name__", name],
  ...labels,
];

const bucket = {
  count_int: 3,
  sum: 6,
  schema: 0,
  zero_threshold: 0.001,
  zero_count_int: 1,
  positive_spans: [{ offset: 0, length: 2 }],
  positive_deltas: [1, 0],
};

/** What a hostile site writes; it is osaka, and would rather be nagoya. */
const hostile: Readonly<Record<string, WrittenSeries>> = {
  "another site's label": { labels: named("h1", ["provider", "nagoya"]) },
  "the label twice, the other's first": {
    labels: named("h2", ["provider", "nagoya"], ["provider", "osaka"]),
  },
  "the label twice, the other's last": { labels: named("h3", ["provider", "osaka"], ["provider", "nagoya"]) },
  "the label three times": {
    labels: named("h4", ["provider", "x"], ["provider", "y"], ["provider", "nagoya"]),
  },
  "no label": { labels: named("h5") },
  "an empty label": { labels: named("h6", ["provider", ""]) },
  "the label that the rules use": { labels: named("h7", ["sitepass_site", "nagoya"]) },
  "the rules' label twice": { labels: named("h8", ["sitepass_site", "nagoya"], ["sitepass_site", "nagoya"]) },
  "both labels": { labels: named("h9", ["provider", "nagoya"], ["sitepass_site", "nagoya"]) },
  "both labels, each twice, in turn": {
    labels: named(
      "h10",
      ["sitepass_site", "nagoya"],
      ["provider", "nagoya"],
      ["sitepass_site", "nagoya"],
      ["provider", "nagoya"],
    ),
  },
  "labels that are not sorted": {
    labels: [
      ["z", "1"],
      ["provider", "nagoya"],
      ["__name__", "h11"],
      ["a", "1"],
    ],
  },
  "the label in another case": { labels: named("h12", ["Provider", "nagoya"], ["PROVIDER", "nagoya"]) },
  "the label with a dot, and with a space": {
    labels: named("h13", ["pro.vider", "nagoya"], ["provider ", "nagoya"]),
  },
  "the host's own label": { labels: named("h14", ["sitepass_host", "central"]) },
  "a name of the host's own series": {
    labels: named(
      "sitepass_gate_delivered_total",
      ["sitepass_host", "central"],
      ["site", "nagoya"],
      ["signal", "metrics"],
    ),
  },
  "two names": {
    labels: [
      ["__name__", "h16"],
      ["__name__", "h16"],
      ["provider", "nagoya"],
    ],
  },
  "an exemplar with the label": {
    labels: named("h17"),
    more: {
      exemplars: [{ labels: [{ name: "provider", value: "nagoya" }], value: 1, timestamp: Date.now() }],
    },
  },
  "a value that looks like the query": {
    labels: named("h18", ["provider", "nagoya&extra_label=provider=nagoya"]),
  },
  "labels of Prometheus' own": {
    labels: named("h19", ["__provider__", "nagoya"], ["__tenant_id__", "nagoya"]),
  },
  "tenants of vmagent": { labels: named("h20", ["vm_account_id", "7"], ["provider", "nagoya"]) },
};

const count = Object.keys(hostile).length;

describe("vmagent of a central host", () => {
  it("lets a hostile site write as itself alone, whatever it writes", { skip }, async (t) => {
    const { push, series, stored } = await startStores(t);
    for (const [what, one] of Object.entries(hostile)) {
      assert.equal(await push("osaka", writeRequest([one])), 204, what);
    }
    // All in one request too, with what is told of metrics; and again through headers that could mislead.
    const metadata = [{ type: 1, metric_family_name: "h1", help: "provider nagoya" }];
    const together = Object.values(hostile).map((one, index) => ({
      ...one,
      labels: [...one.labels, ["in", `together${index}`] as const],
    }));
    assert.equal(
      await push("osaka", writeRequest(together, { metadata }), { "X-Scope-OrgID": "nagoya" }),
      204,
    );
    assert.equal(await push("osaka", writeRequest([{ labels: named("last") }])), 204);
    await stored('last{provider="osaka"}');
    await stored('h20{in=~".+"}');

    const all = await series('{__name__=~".+"}');
    const written = all.filter(({ sitepass_host: host }) => host === undefined);
    assert.deepEqual([...new Set(written.map(({ provider }) => provider))], ["osaka"]);
    // Two names are one name, or none: Prometheus refuses a series without one.
    assert.ok(written.length >= 2 * (count - 1), `${written.length} of ${2 * count} series are stored`);
    assert.deepEqual(
      written.filter((labels) => "sitepass_site" in labels),
      [],
    );
    t.diagnostic(`${written.length} of ${2 * count + 1} hostile series are stored, all under the true site`);
  });

  it(
    "does so with attributes of OpenTelemetry that turn into the label when they are renamed",
    { skip },
    async (t) => {
      const { push, series, stored } = await startStores(t, exampleHost({ siteLabel: "site_name" }));
      const plain = { "content-encoding": "identity" };
      const names = [
        "site_name",
        "site.name",
        "site-name",
        "site name",
        "sitepass_site",
        "sitepass.site",
        "sitepass.host",
      ];
      const attempts = names.flatMap((name) =>
        (["resource", "point"] as const).map((where) => [name, where] as const),
      );
      for (const [index, [name, where]] of attempts.entries()) {
        const attributes = { resource: [], point: [], [where]: [[name, "nagoya"]] };
        const status = await push(
          "osaka",
          otlpGauge(`otlp_${index}`, attributes),
          plain,
          "/opentelemetry/v1/metrics",
        );
        assert.ok(status === 200 || status === 204, `${name}: ${status}`);
      }
      await stored(`otlp_${attempts.length - 1}`);
      const found = await series('{__name__=~"otlp_.+"}');
      assert.equal(found.length, attempts.length);
      assert.deepEqual([...new Set(found.map((labels) => labels.site_name))], ["osaka"]);
      assert.deepEqual(
        found.filter((labels) => "sitepass_site" in labels || "sitepass_host" in labels),
        [],
      );
    },
  );

  it(
    "takes nothing of native histograms and of remote write 2.0, and says that it did",
    { skip },
    async (t) => {
      const { push, series, stored } = await startStores(t);
      const histogram = {
        labels: named("native"),
        more: { samples: [], histograms: [{ ...bucket, timestamp: Date.now() }] },
      };
      const told = {
        histogram: await push("nagoya", writeRequest([histogram])),
        v2: await push("nagoya", writeRequestV2(named("two")), {
          "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
          "x-prometheus-remote-write-version": "2.0.0",
        }),
      };
      assert.equal(await push("nagoya", writeRequest([{ labels: named("last") }])), 204);
      await stored("last");
      assert.deepEqual(
        { told, found: await series('{__name__=~"native|two"}') },
        { told: { histogram: 204, v2: 204 }, found: [] },
      );
    },
  );

  it("does not let one site's wrong clock cost the others their data", { skip }, async (t) => {
    const { push, stored, before } = await startStores(t);
    const others = ["kyoto", "kobe", "nara", "otsu", "sendai", "sapporo"];
    const ahead = Date.now() + 3_600_000;
    // Within the second in which vmagent fills its blocks.
    await Promise.all([
      push("osaka", writeRequest([{ labels: named("ahead"), timestamp: ahead }])),
      ...others.map((site) => push(site, writeRequest([{ labels: named("honest", ["of", site]) }]))),
    ]);
    await delay(2000);
    const arrived = new Set((await stored("honest")).map(({ provider }) => provider));
    const page = await (await fetch(`${before.url}/metrics`)).text();
    const rejected = /vmagent_remotewrite_requests_total\{url="(\d+):secret-url", status_code="400"\} 1/.exec(
      page,
    );
    assert.ok(rejected !== null, "nothing was rejected");
    // Which queue a site's series take goes by a hash, with the port in it: a few may share osaka's.
    assert.ok(arrived.size >= others.length - 2, `only ${[...arrived].join(", ")} arrived`);
    t.diagnostic(`${arrived.size} of ${others.length} other sites' samples arrived beside a refused one`);
  });

  it("starts with its files and flags", { skip }, async (t) => {
    const places = await freePlaces(t);
    for (const [what, central] of Object.entries({
      label: exampleHost(),
      tenant: exampleHost({ identity: "tenant" }),
      "a store of one's own": exampleHost({
        ownStores: { metrics: { url: new URL("http://other:9090/api/v1/write"), takesExtraLabel: false } },
      }),
    })) {
      assert.ok(vmagent.isNeeded(central), what);
      writeFiles(vmagent, central, places);
      const { status, stderr } = await outcome(programs.vmagent ?? "vmagent", [
        "-dryRun",
        ...vmagent.command(central, places).args,
      ]);
      assert.equal(status, 0, `${what}: ${stderr}`);
    }
  });

  it("is not there where a store takes the site from the query, or has tenants, or nothing is checked", () => {
    const url = new URL("http://victoria:8428/api/v1/write");
    for (const central of [
      exampleHost({ identity: "off" }),
      exampleHost({ ownStores: { metrics: { url, takesExtraLabel: true } } }),
      exampleHost({ identity: "tenant", ownStores: { metrics: { url, takesExtraLabel: false } } }),
    ]) {
      assert.equal(vmagent.isNeeded(central), false);
    }
  });
});
