import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Database } from "cloudflare-standin/api/database";
import { engines, pulumiAbsence, type Engine } from "../support/engines";
import { openScenario } from "../support/scenario";

/** What the sites below leave in an account, with names in place of the IDs that Cloudflare gives. */
function described(database: Database): object {
  const { serviceTokens, policies, applications, tunnels, dnsRecords, notificationPolicies } = database;
  const tokenName = (id: string) => serviceTokens.get(id)?.name;
  const audiences = new Map([...applications.values()].map(({ aud, name }) => [aud, name]));
  const tunnelNames = new Map([...tunnels.values()].map(({ id, name }) => [id, name]));
  const byName = <T extends { readonly name: string }>(rows: readonly T[]): readonly T[] =>
    [...rows].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    tokens: byName(
      [...serviceTokens.values()].map(({ name, duration, enabled, clientSecretVersion }) => ({
        name,
        duration,
        enabled,
        clientSecretVersion,
      })),
    ),
    policies: byName(
      [...policies.values()].map(({ name, decision, include, exclude, require, session_duration }) => ({
        name,
        decision,
        include: include.map((rule) =>
          "service_token" in rule ? tokenName(rule.service_token.token_id) : rule,
        ),
        exclude,
        require,
        session_duration,
      })),
    ),
    applications: byName(
      [...applications.values()].map(({ name, domain, destinations, policies: attached, ...settings }) => ({
        name,
        domain,
        destinations,
        policies: attached.map(({ id, precedence }) => [policies.get(id)?.name, precedence]),
        session: settings.session_duration,
        answers401: settings.service_auth_401_redirect,
        launcher: settings.app_launcher_visible,
      })),
    ),
    tunnels: byName(
      [...tunnels.values()].map(({ name, config_src, deleted_at, configuration }) => ({
        name,
        config_src,
        deleted: deleted_at !== null,
        ingress: configuration.config?.ingress?.map(({ originRequest, ...rule }) => ({
          ...rule,
          required: originRequest?.access?.required,
          team: originRequest?.access?.teamName,
          audiences: originRequest?.access?.audTag.map((aud) => audiences.get(aud)),
        })),
      })),
    ),
    records: byName(
      [...dnsRecords.values()].map(({ name, type, content, proxied, ttl, comment }) => ({
        name,
        type,
        content: tunnelNames.get(content.replace(".cfargotunnel.com", "")) ?? content,
        proxied,
        ttl,
        comment,
      })),
    ),
    alerts: byName(
      [...notificationPolicies.values()].map(
        ({ name, description, enabled, alert_type, mechanisms, filters }) => ({
          name,
          description,
          enabled,
          alert_type,
          mechanisms,
          tunnels: filters?.tunnel_id?.map((id) => tunnelNames.get(id)),
        }),
      ),
    ),
  };
}

/** What a fleet leaves in the account at each turn of its life. */
async function accountsOf(engine: Engine): Promise<Readonly<Record<string, object>>> {
  const fleet = await openScenario(engine, {
    sites: { kyoto: "", osaka: "signals: [logs]\n", tokyo: "" },
    configuration: { alertEmails: ["ops@example.com"] },
  });
  const { database } = fleet.standIn;
  const accounts: Record<string, object> = {};
  const up = async (turn: string) => {
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    accounts[turn] = described(database);
  };
  try {
    await up("made");
    fleet.putSite("kobe", "signals: [metrics]\n");
    fleet.putSite("kyoto", "token: { enabled: false }\n");
    fleet.putSite("tokyo", "token: { secretVersion: 2, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n");
    fleet.removeSite("osaka");
    await up("changed");
    for (const record of database.dnsRecords.values()) {
      database.dnsRecords.delete(record.id);
    }
    for (const [id, policy] of database.policies) {
      database.policies.set(id, { ...policy, name: `${policy.name} (by hand)` });
    }
    assert.equal((await fleet.refresh()).exitCode, 0);
    await up("put right after changes by hand");
    fleet.configure({ publish: { addresses: { metrics: "203.0.113.10", logs: "2001:db8::1" } } });
    await up("published by address");
    assert.equal((await fleet.destroy()).exitCode, 0);
    accounts.destroyed = described(database);
    return accounts;
  } finally {
    await fleet.close();
  }
}

describe("the same files", () => {
  const [first, second] = engines;

  it("make the same accounts again on the same engine", async () => {
    assert.ok(first !== undefined);
    assert.deepEqual(await accountsOf(first), await accountsOf(first));
  });

  it("make the same accounts on both engines", { skip: pulumiAbsence }, async () => {
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(await accountsOf(second), await accountsOf(first));
  });
});
