import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { centralPrograms } from "../programs";
import { nextSteps, type RenderedFolder } from "./next-steps";

const rendered = (changes: Partial<RenderedFolder>): RenderedFolder => ({
  packaging: "compose",
  folder: "central-host",
  programs: centralPrograms,
  stackName: "prod",
  isNew: false,
  changed: [],
  hasKeys: true,
  ...changes,
});

const compose = "docker compose --project-directory central-host";

describe("what has to be done after rendering", () => {
  it("is nothing where nothing changed", () => {
    assert.deepEqual(nextSteps(rendered({})), []);
    assert.deepEqual(nextSteps(rendered({ packaging: "systemd" })), []);
  });

  it("is to fetch keys before the gate is started for the first time, and to start it", () => {
    const first = {
      isNew: true,
      hasKeys: false,
      changed: ["compose.yaml", "gate/sites.map", "loki/loki.yml"],
    };
    assert.deepEqual(nextSteps(rendered(first)), [
      "npx sitepass central keys --out central-host",
      `${compose} up --detach --remove-orphans`,
    ]);
    assert.deepEqual(nextSteps(rendered({ ...first, packaging: "systemd" })), [
      "npx sitepass central keys --out central-host",
      "sudo sh central-host/install.sh",
    ]);
  });

  it("restarts only what takes its files in no other way", () => {
    assert.deepEqual(
      nextSteps(
        rendered({
          changed: [
            "alertmanager/alertmanager.yml",
            "gate/haproxy.cfg",
            "grafana/grafana.ini",
            "loki/loki.yml",
            "prometheus/rules/sites.yml",
          ],
        }),
      ),
      [
        `${compose} kill --signal HUP alertmanager prometheus`,
        `${compose} kill --signal USR2 gate`,
        `${compose} restart loki grafana`,
      ],
    );
  });

  it("restarts the connector where its tunnel has another token", () => {
    assert.deepEqual(nextSteps(rendered({ changed: ["credentials/tunnel-token"] })), [
      `${compose} restart cloudflared`,
    ]);
  });

  it("is the map alone, by the gate's socket, where a site came or went", () => {
    assert.deepEqual(nextSteps(rendered({ changed: ["gate/sites.map", "grafana/dashboards/site.json"] })), [
      "npx sitepass central map --out central-host",
    ]);
  });

  it("quotes a folder for the shell", () => {
    assert.deepEqual(nextSteps(rendered({ folder: "a b", changed: ["gate/sites.map"] })), [
      "npx sitepass central map --out 'a b'",
    ]);
  });
});
