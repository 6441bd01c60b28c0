import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Database } from "cloudflare-standin/api/database";
import { engines, pulumiAbsence, type Engine } from "../support/engines";
import { openScenario } from "../support/scenario";

/** What the sites below leave in an account, with names in place of the IDs that Cloudflare gives. */
function described({ serviceTokens, policies, applications, tunnels, dnsRecords }: Database): object {
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
      [...tunnels.values()].map(({ name, config_src, configuration }) => ({
        name,
        config_src,
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
  };
}

/** The account after a first `up` and a second one with changes. */
async function accountAfter(engine: Engine): Promise<object> {
  const fleet = await openScenario(engine, { sites: { kyoto: "", osaka: "signals: [logs]\n", tokyo: "" } });
  try {
    assert.equal((await fleet.up()).exitCode, 0);
    fleet.putSite("kobe", "signals: [metrics]\n");
    fleet.putSite("tokyo", "token: { secretVersion: 2, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n");
    fleet.removeSite("osaka");
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    return described(fleet.standIn.database);
  } finally {
    await fleet.close();
  }
}

describe("the same files", () => {
  const [first, second] = engines;

  it("make the same account again on the same engine", async () => {
    assert.ok(first !== undefined);
    const account = await accountAfter(first);
    assert.deepEqual(await accountAfter(first), account);
  });

  it("make the same account on both engines", { skip: pulumiAbsence }, async () => {
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(await accountAfter(second), await accountAfter(first));
  });
});
