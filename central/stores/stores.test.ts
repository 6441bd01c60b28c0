import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { join } from "node:path";
import { outcome } from "../../collectors/testing/programs";
import { findProgram } from "../../local/programs/programs";
import type { CentralHost, CentralProgram } from "../central-host";
import { exampleHost } from "../testing/central-hosts";
import { placesBelow } from "../places";
import { freePlaces } from "../testing/start-program";
import { writeFiles } from "../../local/central/loopback-programs";
import { alertmanager } from "./alertmanager";
import { alloy } from "./alloy";
import { grafana } from "./grafana";
import { loki } from "./loki";
import { nodeExporter } from "./node-exporter";
import { prometheus } from "./prometheus";
import { vmagent } from "./vmagent";

const stores: readonly CentralProgram[] = [
  alertmanager,
  alloy,
  grafana,
  loki,
  nodeExporter,
  prometheus,
  vmagent,
];

const everySecret = new Set([
  "tunnel-token",
  "heartbeat-url",
  "alert-url",
  "mail-password",
  "grafana-password",
] as const);

const mail = { server: "mail.example.com:587", from: "sitepass@example.com", user: "sitepass" } as const;

const otlp: Partial<CentralHost> = {
  signals: exampleHost().signals.map((one) =>
    one.signal === "metrics" ? { ...one, paths: ["/api/v1/write", "/otlp/v1/metrics"] } : one,
  ),
};

/** The central hosts that are told apart by what is rendered. */
const hosts: Readonly<Record<string, CentralHost>> = Object.fromEntries(
  (["label", "tenant", "off"] as const).flatMap((identity) => [
    [identity, exampleHost({ identity, secrets: new Set() })],
    [
      `${identity}, with every secret, e-mail and OpenTelemetry`,
      exampleHost({ identity, secrets: everySecret, mail, alertEmails: ["ops@example.com"], ...otlp }),
    ],
    [
      `${identity}, with stores of one's own`,
      exampleHost({
        identity,
        ownStores: {
          metrics: { url: new URL("http://other:9090/api/v1/write"), takesExtraLabel: false },
          logs: { url: new URL("http://other:3100/loki/api/v1/push"), takesExtraLabel: false },
        },
      }),
    ],
    [
      `${identity}, metrics alone`,
      exampleHost({ identity, signals: exampleHost().signals.filter(({ signal }) => signal === "metrics") }),
    ],
  ]),
);

interface Check {
  readonly program: CentralProgram;
  /** The program that checks. */
  readonly binary: string | undefined;
  readonly args: (files: string) => readonly string[];
}

const checks: readonly Check[] = [
  {
    program: prometheus,
    binary: findProgram("prometheus", "promtool"),
    args: (files) => ["check", "config", "--lint=all", "--lint-fatal", join(files, "prometheus.yml")],
  },
  {
    program: alertmanager,
    binary: findProgram("alertmanager", "amtool"),
    args: (files) => ["check-config", join(files, "alertmanager.yml")],
  },
  {
    program: loki,
    binary: findProgram("loki", "loki"),
    args: (files) => ["-verify-config", `-config.file=${join(files, "loki.yml")}`],
  },
];

const rendered = (central: CentralHost): ReadonlyMap<string, string> =>
  new Map(
    stores
      .filter((program) => program.isNeeded(central))
      .flatMap((program) => program.files(central, placesBelow("/etc/sitepass/central")))
      .map(({ path, content }) => [path, content]),
  );

describe("the files of the stores", () => {
  for (const { program, binary, args } of checks) {
    const skip =
      binary === undefined && `no ${program.title} on this machine; npm run programs -- ${program.name}`;
    it(
      `are what ${program.title}'s own checker takes, for every kind of central host`,
      { skip },
      async (t) => {
        for (const [what, central] of Object.entries(hosts)) {
          if (program.isNeeded(central)) {
            const places = await freePlaces(t);
            writeFiles(program, central, places);
            const { status, stdout, stderr } = await outcome(
              binary ?? "",
              args(places.programs[program.name].files),
            );
            assert.equal(status, 0, `${what}: ${stdout}${stderr}`);
          }
        }
      },
    );
  }

  it("are the same bytes each time", () => {
    for (const central of Object.values(hosts)) {
      assert.deepEqual(rendered(central), rendered(central));
    }
  });

  it("change with a new site only where sites are listed", () => {
    for (const [identity, changed] of [
      ["label", ["prometheus/rules/sites.yml"]],
      ["tenant", ["grafana/provisioning/datasources/sitepass.yml", "prometheus/rules/sites.yml"]],
      ["off", ["prometheus/rules/sites.yml"]],
    ] as const) {
      const central = exampleHost({ identity });
      const before = rendered(central);
      const [nagoya] = central.sites;
      assert.ok(nagoya !== undefined);
      const after = rendered({ ...central, sites: [...central.sites, { ...nagoya, name: "yokohama" }] });
      const differ = [...after]
        .filter(([path, content]) => before.get(path) !== content)
        .map(([path]) => path);
      assert.deepEqual(differ.sort(), changed);
      assert.deepEqual([...before.keys()], [...after.keys()]);
    }
  });

  it("lie each in a folder of its program's name, and hold no secret", () => {
    for (const central of Object.values(hosts)) {
      for (const program of stores) {
        for (const { path, mode } of program.files(central, placesBelow("/etc/sitepass/central"))) {
          assert.equal(path.split("/")[0], program.name);
          assert.equal(mode, 0o644);
        }
      }
    }
  });

  it("tell Loki's tenants to Grafana, and only sites that push logs", () => {
    const text = rendered(exampleHost({ identity: "tenant" })).get(
      "grafana/provisioning/datasources/sitepass.yml",
    );
    assert.match(text ?? "", /httpHeaderValue1: "nagoya\|tokyo"/);
  });

  it("name no receiver whose secret is not there", () => {
    const of = (changes: Partial<CentralHost>) =>
      rendered(exampleHost(changes)).get("alertmanager/alertmanager.yml") ?? "";
    const bare = of({ secrets: new Set(), mail, alertEmails: ["ops@example.com"] });
    assert.doesNotMatch(bare, /url_file|email_configs|password_file/);
    assert.match(bare, /receiver: "nobody"/);
    const open = of({
      secrets: new Set(),
      mail: { ...mail, user: undefined },
      alertEmails: ["ops@example.com"],
    });
    assert.match(open, /to: "ops@example.com"/);
    assert.doesNotMatch(open, /auth_/);
    const all = of({ secrets: everySecret, mail, alertEmails: ["ops@example.com"] });
    for (const name of ["alert-url", "heartbeat-url", "mail-password"]) {
      assert.match(all, new RegExp(`_file: "/etc/sitepass/central/credentials/${name}"`));
    }
  });
});
