import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { testToken } from "cloudflare-standin/testing/edge-rows";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import { engineStack } from "../../local/run/project-stack";
import type { Engine } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

const engine: Engine = { name: "local/engine", open: engineStack, sendsEnabled: true };

const messageSchema = z.strictObject({ kind: z.string(), says: z.string() });

const documentSchema = z.strictObject({
  stack: z.string(),
  at: z.iso.datetime(),
  ok: z.boolean(),
  readable: z.boolean(),
  alarms: z.array(z.string()),
  sites: z.array(
    z.strictObject({
      site: z.string(),
      state: z.string(),
      declared: z.boolean(),
      provisioned: z.boolean().nullable(),
      enabledInFile: z.boolean().nullable(),
      enabledAtCloudflare: z.boolean().nullable(),
      tokenId: z.string().nullable(),
      clientId: z.string().nullable(),
      createdAt: z.string().nullable(),
      expiresAt: z.string().nullable(),
      daysLeft: z.number().nullable(),
      lastSeenAt: z.string().nullable(),
      secretVersion: z.number().nullable(),
      previousSecretExpiresAt: z.string().nullable(),
      signals: z.array(z.string()),
      alarms: z.array(messageSchema),
      warnings: z.array(messageSchema),
    }),
  ),
  apiCalls: z.number(),
});

describe("sitepass status", () => {
  let fleet: Scenario;
  let folder: string;
  let metrics: string;

  before(async () => {
    fleet = await openScenario(engine, {
      sites: {
        lima: "token: { duration: forever }\n",
        osaka: "token: { enabled: false }\n",
        tokyo: "signals: [logs]\n",
      },
    });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    folder = mkdtempSync(join(tmpdir(), "sitepass-metrics-"));
    metrics = join(folder, "sitepass.prom");
  });

  after(async () => {
    rmSync(folder, { recursive: true });
    await fleet.close();
  });

  const tokenOf = (site: string): ServiceToken => {
    const token = [...fleet.standIn.database.serviceTokens.values()].find(
      ({ name }) => name === `sitepass/prod/${site}`,
    );
    assert.ok(token !== undefined);
    return token;
  };

  const written = () => readFileSync(metrics, "utf8").split("\n");

  it("shows a sound fleet on one screen, passes, and changes nothing", async () => {
    fleet.takeRequests();
    tokenOf("lima").lastSeenAt = new Date(Date.now() - 3 * 3_600_000).toISOString();
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["status", "--openmetrics", metrics]);
    assert.equal(
      stdout,
      [
        "site   state        expires      last seen    secret  signals",
        "lima   provisioned  never        3 hours ago  1       metrics, logs",
        "osaka  shut out     in 364 days  never        1       metrics, logs",
        "tokyo  provisioned  in 364 days  never        1       logs",
        "3 rows: 0 with an alarm, 0 with a warning, 3 well. 3 calls to Cloudflare.",
        "",
      ].join("\n"),
    );
    assert.equal(exitCode, 0, stderr);
    const { reads, writes } = fleet.takeRequests();
    assert.deepEqual([...reads].sort(), ["GET apps", "GET cfd_tunnel/*", "GET service_tokens"]);
    assert.deepEqual(writes, []);
  });

  it("writes metrics for another user to read, whole, and without a secret", () => {
    assert.equal(statSync(metrics).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(folder), ["sitepass.prom"]);
    const lines = written();
    assert.ok(lines.includes('sitepass_status_success{stack="prod"} 1'));
    assert.ok(lines.includes('sitepass_token_expiry_timestamp_seconds{stack="prod",site="lima"} +Inf'));
    assert.ok(lines.includes('sitepass_site_enabled{stack="prod",site="osaka"} 0'));
    assert.equal(lines.at(-2), "# EOF");
    for (const secret of fleet.standIn.issuedSecrets) {
      assert.ok(!lines.some((line) => line.includes(secret)));
    }
  });

  it("shows trouble first, says what to do, and fails", async () => {
    const before = { ...tokenOf("tokyo") };
    tokenOf("tokyo").expires_at = new Date(Date.now() + 5.5 * 86_400_000).toISOString();
    const expiry = tokenOf("tokyo").expires_at;
    fleet.standIn.database.serviceTokens.set(
      "lost",
      testToken({ id: "lost", client_id: "lost.access", name: "sitepass/prod/porto" }),
    );
    const text = await sitepassOn(fleet, ["status", "--wide"]);
    const json = await sitepassOn(fleet, ["status", "--json"]);
    assert.equal(text.exitCode, 1);
    assert.equal(json.exitCode, 1);
    const lines = text.stdout.split("\n");
    assert.deepEqual(
      lines.slice(1, 5).map((line) => line.split(/\s/, 1)[0]),
      ["tokyo", "porto", "lima", "osaka"],
    );
    assert.match(lines[1] ?? "", new RegExp(`${tokenOf("tokyo").id} +${tokenOf("tokyo").client_id}$`));
    assert.deepEqual(lines.slice(5, 6), [
      `error: tokyo: its token expires in 5 days (${expiry}). Run \`npx sitepass renew tokyo\`.`,
    ]);
    assert.match(
      text.stdout,
      /^warning: porto: its token lost is known to no file and no state\. Delete what nobody uses in the dashboard: it is valid, and counts against the limit\.$/m,
    );
    const document = documentSchema.parse(JSON.parse(json.stdout));
    const [tokyo, porto, lima] = document.sites;
    assert.equal(document.ok, false);
    assert.equal(document.readable, true);
    assert.equal(tokyo?.daysLeft, 5);
    assert.deepEqual(
      tokyo.alarms.map(({ kind }) => kind),
      ["expiring"],
    );
    assert.deepEqual(
      tokyo.warnings.map(({ kind }) => kind),
      ["expiry differs"],
    );
    assert.equal(porto?.state, "orphan");
    assert.equal(lima?.expiresAt, "never");

    const enough = await sitepassOn(fleet, ["status", "--warn", "5"]);
    assert.equal(enough.exitCode, 0, enough.stdout);

    const other = await sitepassOn(fleet, ["status", "lima", "osaka"]);
    assert.equal(other.exitCode, 0, other.stdout);
    assert.equal(other.stdout.split("\n").length, 5);
    Object.assign(tokenOf("tokyo"), before);
    fleet.standIn.database.serviceTokens.delete("lost");
  });

  it("does not take a misspelt site for a sound one", async () => {
    const { exitCode, stdout } = await sitepassOn(fleet, ["status", "tokio", "--openmetrics", metrics]);
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /^error: tokio: is not a site, neither by a file in sites\/ nor by a token\. Did you mean tokyo\?$/m,
    );
    assert.ok(written().includes('sitepass_status_success{stack="prod"} 1'));
  });

  it("writes that it knows nothing when Cloudflare cannot be reached, in place of what it last knew", async () => {
    const { exitCode, stdout } = await sitepassOn(fleet, ["status", "--openmetrics", metrics], {
      environment: { CLOUDFLARE_BASE_URL: "http://127.0.0.1:9/client/v4" },
    });
    assert.equal(exitCode, 1);
    assert.match(stdout, /^error: http:\/\/127\.0\.0\.1:9\/client\/v4: cannot be reached/m);
    assert.ok(written().includes('sitepass_status_success{stack="prod"} 0'));
    assert.ok(!written().some((line) => line.startsWith("sitepass_token_")));
  });

  it("says the one cause where nothing is known, in place of a row for each site", async () => {
    const { exitCode, stdout } = await sitepassOn(fleet, ["status"], {
      environment: { CLOUDFLARE_API_TOKEN: "x".repeat(40) },
    });
    assert.equal(exitCode, 1);
    assert.deepEqual(stdout.split("\n").slice(0, 2), [
      "error: CLOUDFLARE_API_TOKEN: is not valid (HTTP 403, 9109 Invalid access token). Export a token that is whole, not expired and not revoked.",
      "Nothing is known of 3 sites, for the reason above. 2 calls to Cloudflare.",
    ]);
    for (const command of ["status", "check"]) {
      const quoted = await sitepassOn(fleet, [command], {
        environment: { CLOUDFLARE_API_TOKEN: `\u201c${"x".repeat(40)}\u201d` },
      });
      assert.equal(quoted.exitCode, 1);
      assert.match(quoted.stdout, /^error: CLOUDFLARE_API_TOKEN: begins with \u201c \(U\+201C\), /m);
      assert.doesNotMatch(quoted.stdout + quoted.stderr, /^\s+at |xxxx/m);
    }
  });

  it("writes and says the same when the stack cannot be opened", async () => {
    await sitepassOn(fleet, ["status", "--openmetrics", metrics]);
    assert.ok(written().includes('sitepass_status_success{stack="prod"} 1'));
    fleet.putSite("lima", "tokn: {}\n");
    const { exitCode, stdout } = await sitepassOn(fleet, ["status", "--json", "--openmetrics", metrics]);
    fleet.putSite("lima", "token: { duration: forever }\n");
    assert.equal(exitCode, 1);
    const { ok, readable, alarms, sites } = documentSchema.parse(JSON.parse(stdout));
    assert.deepEqual(
      { ok, readable, alarms, sites },
      {
        ok: false,
        readable: false,
        alarms: [
          "sites/lima.yaml: tokn is not a known key. Did you mean token? Known keys here: $schema, collector, description, labels, movingTo, proxy, relay, shard, signals, token.",
        ],
        sites: [],
      },
    );
    assert.ok(written().includes('sitepass_status_success{stack="prod"} 0'));
  });

  it("says that the metrics could not be written, and reports all the same", async () => {
    const { exitCode, stdout } = await sitepassOn(fleet, [
      "status",
      "--openmetrics",
      join(folder, "nowhere", "sitepass.prom"),
    ]);
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /^error: \S+sitepass\.prom: cannot be written \(no such file or directory\)\. Create its folder, and let this user write there\.$/m,
    );
    assert.match(stdout, /^tokyo +provisioned/m);
  });
});
