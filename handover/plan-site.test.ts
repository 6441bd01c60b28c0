import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Collector } from "../collectors/collector";
import { testCredentials } from "../collectors/testing/sites";
import { testSite } from "../fleet/testing/test-site";
import { planSite, type RenderChoice, type SitePlan } from "./plan-site";
import { orThrow, type Result } from "../fleet/problem";
import { problemTexts } from "../fleet/testing/problem-texts";
import { testConfig } from "./testing/sites";

/** Writes down what it is given. */
const scribe: Collector = {
  name: "telegraf",
  title: "Scribe",
  signals: ["metrics"],
  defaultVersion: "1.2.3",
  refusals: ({ name }, _placement, { version }) =>
    version === "0"
      ? [
          { subject: "--release", says: "is 0", todo: "Name a later one" },
          { subject: "labels.x", says: `is odd at ${name}`, todo: "Change it" },
        ]
      : [],
  notes: () => ["It writes slowly."],
  render: (site, placement, release) => [
    {
      path: "telegraf/given.json",
      mode: 0o644,
      content: JSON.stringify({ site, directory: placement.directory, release }),
    },
    ...(placement.credentials === undefined
      ? []
      : [
          {
            path: "telegraf/credentials/client_secret",
            mode: 0o600 as const,
            content: placement.credentials.clientSecret,
          },
        ]),
  ],
  service: ({ directory }) => ({
    unit: "scribe",
    user: "scribe",
    validator: { program: "scribe", args: ["--check", `${directory}/telegraf/given.json`] },
    rereadsSecrets: true,
  }),
};

const choice: RenderChoice = {
  collector: scribe,
  release: { version: "1.2.3", mode: "server" },
  relay: undefined,
  installDirectory: "/etc/sitepass",
};

const tokyo = { ...testSite("tokyo"), labels: { region: "apac" }, description: "Tokyo, rack A" };

const attemptPlan = (changes: Partial<RenderChoice> = {}, site = tokyo): Result<SitePlan> =>
  planSite(site, testConfig, testCredentials, { ...choice, ...changes });

const plan = (changes: Partial<RenderChoice> = {}): SitePlan => orThrow(attemptPlan(changes));

const contentOf = ({ files }: SitePlan, path: string): string =>
  files.find((file) => file.path === path)?.content ?? "";

const givenSchema = z.object({ site: z.object({ proxy: z.string().optional() }) });

const givenProxy = (of: SitePlan): string | undefined =>
  givenSchema.parse(JSON.parse(contentOf(of, "telegraf/given.json"))).site.proxy;

describe("planSite, with a proxy", () => {
  const proxied = { ...tokyo, proxy: "http://proxy.example.net:3128" };

  it("gives the proxy to whoever talks to the public hosts, and says what it has to let through", () => {
    const direct = orThrow(attemptPlan({}, proxied));
    assert.equal(givenProxy(direct), proxied.proxy);
    assert.match(
      direct.notes.at(-1) ?? "",
      /by the proxy http:\/\/proxy\.example\.net:3128\. It has to let CONNECT to prom\.example\.com:443/,
    );
    const relayed = orThrow(attemptPlan({ relay: { name: "caddy", port: 9480 } }, proxied));
    assert.equal(givenProxy(relayed), undefined);
    assert.match(
      contentOf(relayed, "relay/Caddyfile"),
      /network_proxy url http:\/\/proxy\.example\.net:3128\n/,
    );
  });

  it("refuses a relay that cannot use it", () => {
    assert.deepEqual(problemTexts(attemptPlan({ relay: { name: "nginx", port: 9480 } }, proxied)), [
      "--relay: is nginx, which cannot send through the site's proxy http://proxy.example.net:3128. Take caddy (relay: caddy in the site's file, or --relay caddy), or no relay.",
    ]);
  });
});

describe("planSite", () => {
  it("gives the collector the site's own endpoints, labels and credentials", () => {
    const planned = plan();
    assert.deepEqual(
      planned.files.map(({ path, mode }) => `${mode.toString(8)} ${path}`),
      [
        "644 telegraf/given.json",
        "600 telegraf/credentials/client_secret",
        "644 README.md",
        "644 install.sh",
      ],
    );
    assert.deepEqual(JSON.parse(contentOf(planned, "telegraf/given.json")), {
      site: {
        name: "tokyo",
        siteLabel: "provider",
        labels: { region: "apac" },
        endpoints: { metrics: { base: "https://prom.example.com", paths: ["/api/v1/write"] } },
      },
      directory: "/etc/sitepass",
      release: { version: "1.2.3", mode: "server" },
    });
  });

  it("hides the credentials from a collector behind the relay", () => {
    const planned = plan({ relay: { name: "nginx", port: 9480 } });
    assert.deepEqual(JSON.parse(contentOf(planned, "telegraf/given.json")), {
      site: {
        name: "tokyo",
        siteLabel: "provider",
        labels: { region: "apac" },
        endpoints: { metrics: { base: "http://127.0.0.1:9480/metrics", paths: ["/api/v1/write"] } },
      },
      directory: "/etc/sitepass",
      release: { version: "1.2.3", mode: "server" },
    });
    const secret = planned.files.filter(({ content }) => content.includes(testCredentials.clientSecret));
    assert.ok(secret.length > 0);
    for (const { path, mode } of secret) {
      assert.match(path, /^relay\/credentials\//);
      assert.equal(mode, 0o600);
    }
  });

  it("is the same after a rotation but for the files of mode 0600", () => {
    const clientSecret = `cfast_${"1".repeat(48)}`;
    const rotated = orThrow(planSite(tokyo, testConfig, { ...testCredentials, clientSecret }, choice));
    assert.deepEqual(
      plan().files.filter((file, index) => file.content !== rotated.files[index]?.content),
      [{ path: "telegraf/credentials/client_secret", mode: 0o600, content: testCredentials.clientSecret }],
    );
  });

  it("refuses with the file's name what is wrong with the site, and without it what is wrong with an option", () => {
    assert.deepEqual(problemTexts(attemptPlan({ release: { version: "0", mode: "server" } })), [
      "--release: is 0. Name a later one.",
      "sites/tokyo.yaml: labels.x: is odd at tokyo. Change it.",
    ]);
  });

  it("refuses a collector that can push none of the site's signals", () => {
    assert.deepEqual(problemTexts(attemptPlan({}, { ...tokyo, signals: ["logs"] })), [
      "sites/tokyo.yaml: collector is telegraf, which pushes metrics, and the site pushes logs. Name another collector, or change signals.",
    ]);
  });
});

describe("the README of a site", () => {
  const readme = (changes: Partial<RenderChoice> = {}) => contentOf(plan(changes), "README.md");
  const commands = (text: string) => /```sh\n([^`]*)```/.exec(text)?.[1]?.trimEnd().split("\n");

  it("has the three commands to install, check and start", () => {
    assert.deepEqual(commands(readme()), [
      "sudo sh install.sh",
      "sudo scribe --check /etc/sitepass/telegraf/given.json",
      "sudo systemctl enable scribe && sudo systemctl restart scribe",
    ]);
    const relayed = commands(readme({ relay: { name: "nginx", port: 9480 } }));
    assert.equal(relayed?.length, 3);
    assert.match(relayed[1] ?? "", /^sudo nginx .* && sudo scribe --check /);
    assert.equal(
      relayed[2],
      "sudo systemctl enable sitepass-relay scribe && sudo systemctl restart sitepass-relay scribe",
    );
  });

  it("tells of the site, of what the collector cannot do, and of what a rotation needs", () => {
    assert.match(readme(), /^# tokyo: Scribe\n\nTokyo, rack A\n\nRendered by sitepass for Scribe 1\.2\.3\. /);
    assert.match(readme(), /^- It writes slowly\.$/m);
    assert.match(readme(), /^Nothing needs a restart: /m);
    const restarted = {
      ...scribe,
      service: () => ({
        ...scribe.service({ directory: "/x", credentials: undefined }, choice.release),
        rereadsSecrets: false,
      }),
    };
    assert.match(readme({ collector: restarted }), /^Then `sudo systemctl restart scribe`: /m);
  });
});
