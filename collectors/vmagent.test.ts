import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { z } from "zod";
import "../test/support/fixed-seed";
import type { CollectorRelease, CollectorSite } from "./collector";
import { assertSecretsKept, textOf, installed, refusalsOf } from "./testing/rendered-files";
import { outcome, pinnedProgram } from "./testing/programs";
import {
  anyPlacement,
  anySite,
  bare,
  behindRelay,
  tokyo,
  tokyoBehindRelay,
  hostileLabels,
} from "./testing/sites";
import { commandWords, environmentOf, unitValues } from "./testing/systemd-parser";
import { vmagent } from "./vmagent";

const newest: CollectorRelease = { version: vmagent.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

const unitPath = "systemd/sitepass-vmagent.service";

describe("the files for vmagent", () => {
  it("tell releases that would write the secret to their log not to", () => {
    const flags = (version: string) =>
      commandOf(textOf(vmagent.render(tokyo, bare, release(version)), unitPath)).filter((word) =>
        word.startsWith("-secret.flags"),
      );
    assert.deepEqual(flags("1.143.0"), ["-secret.flags=remoteWrite.headers"]);
    assert.deepEqual(flags("1.144.0"), []);
  });

  it("read back as exactly the site's URL, labels and source of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(
        anySite.filter(({ endpoints }) => endpoints.metrics !== undefined),
        anyPlacement,
        (site, placement) => {
          const files = vmagent.render(site, placement, newest);
          assertSecretsKept(files);
          const unit = textOf(files, unitPath);
          const words = commandOf(unit);
          const { metrics } = site.endpoints;
          assert.ok(metrics !== undefined);
          assert.deepEqual(valuesOf(words, "remoteWrite.url"), [`${metrics.base}${metrics.paths[0]}`]);
          assert.deepEqual(valuesOf(words, "remoteWrite.label"), [`${site.siteLabel}=${site.name}`]);
          assert.deepEqual(addedLabels(textOf(files, "vmagent/site-labels.yml")), {
            [site.siteLabel]: site.name,
            ...site.labels,
          });
          assert.deepEqual(valuesOf(words, "remoteWrite.relabelConfig"), [
            "/etc/sitepass/vmagent/site-labels.yml",
          ]);
          // Each flag once: none has come out of its place.
          assert.equal(words.length, placement.credentials ? 14 : 13);
          assert.deepEqual(
            unitValues(unit, "EnvironmentFile"),
            placement.credentials ? ["/etc/sitepass/vmagent/credentials/access.env"] : [],
          );
          assert.equal(words.includes("-envflag.enable"), placement.credentials !== undefined);
          assert.deepEqual(vmagent.render(site, placement, newest), files);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("let vmagent connect by IPv6, and through the site's proxy where there is one", () => {
    const words = (site: CollectorSite) => commandOf(textOf(vmagent.render(site, bare, newest), unitPath));
    assert.ok(words(tokyo).includes("-enableTCP6"));
    assert.deepEqual(valuesOf(words(tokyo), "remoteWrite.proxyURL"), []);
    assert.deepEqual(valuesOf(words({ ...tokyo, proxy: "http://proxy:3128" }), "remoteWrite.proxyURL"), [
      "http://proxy:3128",
    ]);
  });

  it("hold the headers as the flag's value in the environment", () => {
    const { clientId, clientSecret } = bare.credentials ?? { clientId: "", clientSecret: "" };
    assert.deepEqual(
      environmentOf(textOf(vmagent.render(tokyo, bare, newest), "vmagent/credentials/access.env")),
      {
        remoteWrite_headers: `CF-Access-Client-Id: ${clientId}^^CF-Access-Client-Secret: ${clientSecret}`,
      },
    );
  });

  const { program, skip } = pinnedProgram("vmagent");

  it("are what a real vmagent takes them for", { skip }, async (context) => {
    const directory = installed(context, (folder) =>
      vmagent.render({ ...tokyo, labels: hostileLabels }, { ...bare, directory: folder }, newest),
    );
    const { validator } = vmagent.service({ ...bare, directory }, newest);
    const { status, stderr } = await outcome(program, validator.args);
    assert.equal(status, 0, stderr);
  });
});

const commandOf = (unit: string): readonly string[] => {
  const [line, ...more] = unitValues(unit, "ExecStart");
  assert.ok(line !== undefined && more.length === 0);
  return commandWords(line);
};

/** The labels that vmagent adds to a sample that has none of them: rules of its relabelling, in their order. */
function addedLabels(text: string): Readonly<Record<string, string>> {
  // Expanded in the file's text, or in a rule (lib/envtemplate, lib/promrelabel fillLabelReferences).
  assert.doesNotMatch(text, /%\{|\{\{/);
  const labels = new Map<string, string>();
  for (const rule of rulesSchema.parse(parse(text))) {
    const {
      source_labels: sources = [],
      regex = "(?s)(.*)",
      target_label: target,
      replacement = "$1",
    } = rule;
    const anchored = new RegExp(`^(?:${regex.replace("(?s)", "")})$`, "s");
    const match = anchored.exec(sources.map((name) => labels.get(name) ?? "").join(";"));
    if (match !== null) {
      labels.set(
        target,
        replacement.replace(/\$(?:(\$)|\{?1\}?)/g, (_, dollar?: string) => dollar ?? match[1] ?? ""),
      );
    }
  }
  return Object.fromEntries([...labels].filter(([name, value]) => value !== "" && !name.startsWith("__")));
}

const rulesSchema = z.array(
  z.strictObject({
    source_labels: z.array(z.string()).optional(),
    regex: z.string().optional(),
    target_label: z.string(),
    replacement: z.string().optional(),
  }),
);

const valuesOf = (words: readonly string[], flag: string): readonly string[] =>
  words.filter((word) => word.startsWith(`-${flag}=`)).map((word) => word.slice(flag.length + 2));

describe("vmagent", () => {
  it("is refused before 1.93.4, and before 1.128 unless the relay keeps the secret", () => {
    assert.deepEqual(refusalsOf(vmagent, tokyoBehindRelay, behindRelay, release("1.93.3")), [
      "--release: is 1.93.3, and vmagent adds labels to all samples rightly since 1.93.4 only. Install a newer release.",
    ]);
    assert.deepEqual(refusalsOf(vmagent, tokyo, bare, release("1.127.0")), [
      "--release: is 1.127.0, and vmagent writes the secret in its headers to its log before 1.128.0. Take the relay (relay: nginx or caddy in the site's file), which works with this release, or install 1.128.0 or later.",
    ]);
    assert.deepEqual(refusalsOf(vmagent, tokyoBehindRelay, behindRelay, release("1.127.0")), []);
    assert.deepEqual(refusalsOf(vmagent, tokyo, bare, release("1.128.0")), []);
    assert.deepEqual(refusalsOf(vmagent, tokyo, bare, release("newest")), [
      '--release: is "newest", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
    ]);
  });

  it("is refused when no write path speaks remote write", () => {
    const site = {
      ...tokyo,
      endpoints: { metrics: { base: "https://prom.example.com", paths: ["/otlp/v1/metrics"] as const } },
    };
    assert.deepEqual(refusalsOf(vmagent, site, bare, newest), [
      "sitepass:endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
    ]);
  });

  it("says where to get it, and what it cannot do", () => {
    assert.deepEqual(vmagent.notes(tokyo, bare, newest), [
      "VictoriaMetrics has no package with a unit for vmagent: take vmagent-prod from its vmutils archive, and put it to /usr/local/bin/vmagent.",
      "vmagent follows redirects, and has no option against it: if central ever answers with one, such as to a login page, it takes the page's 200 for a delivery and hands the page the secret. Take the relay (relay: nginx or caddy in the site's file) to rule that out.",
      "Metrics that cannot be sent wait on disk, 5 GB, and a restart keeps them. An outage of 72 hours at up to 19 kB a second loses nothing when central's Prometheus has an out_of_order_time_window of 73h or more; in a longer one the oldest is dropped.",
      "vmagent pushes metrics alone: the site's logs need a second collector, such as Grafana Alloy, Vector or Fluent Bit.",
    ]);
    assert.deepEqual(
      vmagent.notes(tokyoBehindRelay, behindRelay, newest).map((note) => note.split(" ", 3).join(" ")),
      ["VictoriaMetrics has no", "Metrics that cannot", "vmagent pushes metrics"],
    );
  });

  it("is a service of its own, whose secret systemd reads as root", () => {
    assert.deepEqual(vmagent.service(bare, newest), {
      unit: "sitepass-vmagent",
      user: "root",
      validator: {
        program: "vmagent",
        args: [
          "-dryRun",
          "-promscrape.config=/etc/sitepass/vmagent/scrape.yml",
          "-remoteWrite.relabelConfig=/etc/sitepass/vmagent/site-labels.yml",
        ],
      },
      rereadsSecrets: false,
    });
    assert.equal(vmagent.service(behindRelay, newest).rereadsSecrets, true);
  });
});
