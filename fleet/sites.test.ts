import { problemText } from "./problem";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Config } from "./config";
import type { NamedSiteFile } from "./site-files";
import type { SiteFile } from "./site-schema";
import { readFleet, resolveSites, siteProblems } from "./sites";

const root = mkdtempSync(join(tmpdir(), "sitepass-inputs-"));
after(() => {
  rmSync(root, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(root, "sites-"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const good = {
  "sitepass:accountId": "0123456789abcdef0123456789abcdef",
  "sitepass:zone": "example.com",
  "sitepass:endpoints": '{"metrics":{"hostname":"prom.example.com"}}',
  "sitepass:publish": '{"tunnel":{"name":"central"}}',
};

function assertRefused(
  raw: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
  problems: readonly string[],
): void {
  assert.throws(() => readFleet(raw, folderWith(files)), {
    name: "UserError",
    message: problems.join("\n"),
  });
}

describe("readFleet", () => {
  it("gives the configuration and the sites with its defaults", () => {
    const { config, sites } = readFleet(
      { ...good, "sitepass:tokenDuration": "24h" },
      folderWith({ "tokyo.yaml": "", "berlin.yaml": "token: { duration: 48h }" }),
    );
    assert.equal(config.accountId, "0123456789abcdef0123456789abcdef");
    assert.deepEqual(
      sites.map(({ file, signals, token }) => [file, signals, token.duration]),
      [
        ["sites/berlin.yaml", ["metrics"], "48h"],
        ["sites/tokyo.yaml", ["metrics"], "24h"],
      ],
    );
  });

  it("lets an empty folder pass only where that is allowed", () => {
    assert.deepEqual(readFleet(good, folderWith({}), "allowed").sites, []);
    assert.throws(() => readFleet(good, folderWith({})), /sites\/: holds no site/);
    assert.throws(
      () => readFleet(good, folderWith({ "tokyo.yaml": "signals: [logs]" }), "allowed"),
      /signals names logs, which has no endpoint/,
    );
  });

  it("reports the problems of configuration and sites together", () => {
    assertRefused(
      { ...good, "sitepass:accountId": "acme" },
      { "tokyo.yaml": "signals: []", "README.md": "" },
      [
        `sitepass:accountId: is "acme", which is not an account ID: 32 characters 0-9 and a-f. Copy it from the dashboard's Overview page.`,
        "sites/README.md: is not a .yaml or .yml file. Only site files live here: rename it, or move it elsewhere.",
        "sites/tokyo.yaml: signals is [], which is empty. Name a signal, or drop the key for all of them; to shut the site out, set token.enabled to false.",
      ],
    );
  });

  it("reports a bad configuration beside good sites", () => {
    assertRefused({ ...good, "sitepass:siteLabel": "__site" }, { "tokyo.yaml": "" }, [
      'sitepass:siteLabel: is "__site", which begins with __, which Prometheus reserves. Rename it.',
    ]);
  });

  it("reports bad sites beside a good configuration", () => {
    assertRefused(good, { "tokyo.yaml": "42" }, [
      "sites/tokyo.yaml: holds only 42, not keys and values. Write it as in signals: [metrics].",
    ]);
  });

  it("takes the sites of the stack's shard and those that are moving there, and knows where the others are", () => {
    const files = {
      "berlin.yaml": "shard: eu",
      "lima.yaml": "",
      "oslo.yaml": "{ shard: eu, movingTo: us, signals: [logs] }",
      "porto.yaml": "movingTo: us",
      "tokyo.yaml": "shard: us",
    };
    const namesIn = (shard: string) => {
      const { sites, elsewhere } = readFleet(
        {
          ...good,
          "sitepass:shard": shard,
          "sitepass:endpoints": '{"logs":{"hostname":"loki.example.com"}}',
        },
        folderWith(files),
      );
      return [sites, elsewhere].map((some) => some.map(({ name }) => name).join(" "));
    };
    assert.deepEqual(namesIn("eu"), ["berlin oslo", "lima porto tokyo"]);
    assert.deepEqual(namesIn("us"), ["oslo porto tokyo", "berlin lima"]);
    assert.deepEqual(namesIn(""), ["lima porto", "berlin oslo tokyo"]);
    // What is wrong with another shard's site by this stack's configuration is nothing to this stack.
    assert.equal(
      readFleet(good, folderWith({ ...files, "oslo.yaml": "{ shard: eu, signals: [logs] }" })).sites.length,
      2,
    );
  });

  it("is as loud about a shard without sites as about an empty folder", () => {
    const others = { "berlin.yaml": "shard: eu", "lima.yaml": "shard: us", "oslo.yaml": "" };
    assertRefused({ ...good, "sitepass:shard": "ue" }, others, [
      "sites/: holds no site of the shard ue, which this stack is (the 3 sites there are in the shard without a name, the shard eu, the shard us), and with no site every service token of the stack would be deleted. Set sitepass:shard to the shard that the stack is, or write shard: ue into the files of its sites, or set sitepass:allowRemovals to the number of sites that are to go.",
    ]);
    assertRefused(good, { "berlin.yaml": "shard: eu" }, [
      "sites/: holds no site of the shard without a name, which this stack is (the one site there is in the shard eu), and with no site every service token of the stack would be deleted. Set sitepass:shard to the shard that the stack is, or take shard out of the files of its sites, or set sitepass:allowRemovals to the number of sites that are to go.",
    ]);
    const removals = { "sitepass:shard": "ue", "sitepass:allowRemovals": "2" };
    assert.deepEqual(readFleet({ ...good, ...removals }, folderWith(others)).sites, []);
    assert.deepEqual(readFleet({ ...good, "sitepass:shard": "ue" }, folderWith(others), "allowed").sites, []);
  });

  it("reports a bad file of another shard too: it may be anybody's", () => {
    assertRefused(
      { ...good, "sitepass:shard": "EU" },
      {
        "berlin.yaml": "{ shard: eu, movingTo: eu }",
        "lima.yaml": "shard: 1",
        "oslo.yaml": "shard: us.east",
        "porto.yaml": 'movingTo: ""',
        "tokyo.yaml": "{ shard: us, movngTo: eu }",
      },
      [
        'sitepass:shard: is "EU", which is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Write it as in eu.',
        'sites/berlin.yaml: movingTo is "eu", which is the shard that the site is in. Name another one, or drop it.',
        "sites/lima.yaml: shard is 1, not text. Put it in quotes.",
        'sites/oslo.yaml: shard is "us.east", which is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Write it as in eu.',
        'sites/porto.yaml: movingTo is "", which is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Write it as in eu.',
        "sites/tokyo.yaml: movngTo is not a known key. Did you mean movingTo? Known keys here: $schema, collector, description, labels, movingTo, proxy, relay, shard, signals, token.",
      ],
    );
  });

  it("reports sites that do not fit the configuration", () => {
    assertRefused(good, { "tokyo.yaml": "signals: [logs]" }, [
      "sites/tokyo.yaml: signals names logs, which has no endpoint. Add sitepass:endpoints.logs to the stack, or drop logs here.",
    ]);
  });
});

const metrics = {
  signal: "metrics",
  hostname: "prom.example.com",
  paths: ["/api/v1/write"],
  origin: "http://localhost:9090",
} as const;

const logs = {
  signal: "logs",
  hostname: "loki.example.com",
  paths: ["/loki/api/v1/push"],
  origin: "http://localhost:3100",
} as const;

const config: Config = {
  accountId: "0123456789abcdef0123456789abcdef",
  zone: { name: "example.com" },
  endpoints: [metrics, logs],
  publish: { kind: "tunnel", name: "central" },
  teamName: "",
  tokenDuration: "720h",
  siteLabel: "provider",
  tenant: "",
  identity: "off",
  central: {
    limits: { requestsPerSecond: 50, bytesPerSecond: 4_000_000 },
    retentionDays: { metrics: 90, logs: 31 },
    stores: {},
  },
  serviceTokenLimit: 50,
  shard: "",
  alertEmails: [],
  protect: false,
  preflight: true,
  allowRemovals: 0,
};

function siteFile(name: string, values: Partial<SiteFile> = {}): NamedSiteFile {
  return {
    name,
    file: `sites/${name}.yaml`,
    values: { labels: {}, token: { enabled: true, secretVersion: 1 }, ...values },
  };
}

const problemsOf = (files: readonly NamedSiteFile[], changes: Partial<Config> = {}) => {
  const changed = { ...config, ...changes };
  return siteProblems(resolveSites(files, changed), changed).map(problemText);
};

const fleet = (count: number, values?: Partial<SiteFile>) =>
  Array.from({ length: count }, (_, index) => siteFile(`site-${index}`, values));

describe("resolveSites", () => {
  it("fills in the stack's defaults", () => {
    assert.deepEqual(resolveSites([siteFile("tokyo")], config), [
      {
        name: "tokyo",
        file: "sites/tokyo.yaml",
        description: undefined,
        signals: ["metrics", "logs"],
        labels: {},
        token: {
          duration: "720h",
          enabled: true,
          secretVersion: 1,
          previousSecretExpiresAt: undefined,
        },
        collector: undefined,
        shard: "",
      },
    ]);
  });

  it("keeps what the file says", () => {
    const values = {
      description: "Tokyo, rack A",
      signals: ["logs"],
      labels: { region: "apac" },
      token: {
        duration: "forever",
        enabled: false,
        secretVersion: 2,
        previousSecretExpiresAt: "2026-12-01T00:00:00Z",
      },
      collector: "alloy",
      relay: "caddy",
      shard: "eu",
      movingTo: "us",
    } satisfies SiteFile;
    assert.deepEqual(resolveSites([siteFile("tokyo", values)], config), [
      { name: "tokyo", file: "sites/tokyo.yaml", ...values },
    ]);
  });

  it("lets a site that names no signals push the configured ones alone", () => {
    const [site] = resolveSites([siteFile("tokyo")], { ...config, endpoints: [logs] });
    assert.deepEqual(site?.signals, ["logs"]);
  });

  it("puts signals into the table's order", () => {
    const [site] = resolveSites([siteFile("tokyo", { signals: ["logs", "metrics"] })], config);
    assert.deepEqual(site?.signals, ["metrics", "logs"]);
  });

  it("keeps the order of the files", () => {
    assert.deepEqual(
      resolveSites([siteFile("tokyo"), siteFile("berlin")], config).map(({ name }) => name),
      ["tokyo", "berlin"],
    );
  });
});

describe("siteProblems", () => {
  it("finds nothing wrong with good sites", () => {
    assert.deepEqual(problemsOf([siteFile("berlin"), siteFile("tokyo", { labels: { region: "apac" } })]), []);
  });

  it("refuses a signal without an endpoint", () => {
    assert.deepEqual(
      problemsOf([siteFile("berlin"), siteFile("tokyo", { signals: ["metrics", "logs"] })], {
        endpoints: [metrics],
      }),
      [
        "sites/tokyo.yaml: signals names logs, which has no endpoint. Add sitepass:endpoints.logs to the stack, or drop logs here.",
      ],
    );
  });

  it("refuses a label that carries the site's name", () => {
    assert.deepEqual(
      problemsOf([siteFile("tokyo", { labels: { region: "apac", site: "x" } })], { siteLabel: "site" }),
      [
        `sites/tokyo.yaml: labels.site is "x", but this label carries the site's name. Drop it, or set sitepass:siteLabel to another name.`,
      ],
    );
  });

  it("refuses more labels than Loki takes where the site pushes logs, and says how many are left", () => {
    const labels = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`label_${index}`, "x"]));
    assert.deepEqual(problemsOf([siteFile("tokyo", { labels: labels(12) })]), []);
    assert.deepEqual(problemsOf([siteFile("tokyo", { labels: labels(15) })]), [
      "sites/tokyo.yaml: labels holds 15 labels, and Loki refuses lines with more than 15, of which 12 are left beside provider and 2 of the inputs. Drop 3 of them.",
    ]);
    // Prometheus has no such limit.
    assert.deepEqual(problemsOf([siteFile("tokyo", { signals: ["metrics"], labels: labels(40) })]), []);
  });

  it("takes no property that every object has for a label", () => {
    assert.deepEqual(problemsOf([siteFile("tokyo")], { siteLabel: "constructor" }), []);
  });

  it("refuses more sites than service tokens", () => {
    assert.deepEqual(problemsOf(fleet(2), { serviceTokenLimit: 2 }), []);
    assert.deepEqual(problemsOf(fleet(3), { serviceTokenLimit: 2 }), [
      "sites/: holds 3 sites, and the account may have 2 service tokens. Delete tokens that nobody uses, have Cloudflare raise the limit (Enterprise) and set sitepass:serviceTokenLimit to it, or put the other sites into another shard, a stack on a second account (docs/scale.md).",
    ]);
  });

  it("refuses an empty folder unless removals are allowed", () => {
    assert.deepEqual(problemsOf([]), [
      "sites/: holds no site, and with no site every service token would be deleted. Add a file such as sites/tokyo.yaml (it may be empty), or set sitepass:allowRemovals to the number of sites that are to go.",
    ]);
    assert.deepEqual(problemsOf([], { allowRemovals: 1 }), []);
  });

  it("refuses more than 1000 admitted sites on one signal", () => {
    const files = [...fleet(1000), siteFile("last", { signals: ["logs"] })];
    assert.deepEqual(problemsOf(files, { serviceTokenLimit: 2000 }), [
      "sites/: 1001 sites push logs, and Cloudflare evaluates at most 1000 rules an application. Put some of them into another shard, a stack with host names of its own (docs/scale.md).",
    ]);
  });

  it("does not count disabled sites among the admitted ones", () => {
    const disabled = siteFile("last", { token: { enabled: false, secretVersion: 1 } });
    assert.deepEqual(problemsOf([...fleet(1000), disabled], { serviceTokenLimit: 2000 }), []);
  });

  it("reports each site's problems in order, then the fleet's", () => {
    assert.deepEqual(
      problemsOf(
        [
          siteFile("berlin", { signals: ["metrics"], labels: { provider: "x" } }),
          siteFile("oslo"),
          siteFile("tokyo", { signals: ["logs"], labels: { provider: "y" } }),
        ],
        { endpoints: [metrics], serviceTokenLimit: 2 },
      ),
      [
        `sites/berlin.yaml: labels.provider is "x", but this label carries the site's name. Drop it, or set sitepass:siteLabel to another name.`,
        "sites/tokyo.yaml: signals names logs, which has no endpoint. Add sitepass:endpoints.logs to the stack, or drop logs here.",
        `sites/tokyo.yaml: labels.provider is "y", but this label carries the site's name. Drop it, or set sitepass:siteLabel to another name.`,
        "sites/: holds 3 sites, and the account may have 2 service tokens. Delete tokens that nobody uses, have Cloudflare raise the limit (Enterprise) and set sitepass:serviceTokenLimit to it, or put the other sites into another shard, a stack on a second account (docs/scale.md).",
      ],
    );
  });
});
