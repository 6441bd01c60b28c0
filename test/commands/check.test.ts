import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { engineStack } from "../../local/run/project-stack";
import { permissions } from "cloudflare-standin/api/permissions";
import type { Engine } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

const engine: Engine = { name: "local/engine", open: engineStack, sendsEnabled: true };

const documentSchema = z.strictObject({
  ok: z.boolean(),
  offline: z.boolean(),
  problems: z.number(),
  warnings: z.number(),
  findings: z.array(z.strictObject({ topic: z.string(), level: z.string(), says: z.string() })),
  plan: z
    .strictObject({
      existing: z.number(),
      fleet: z.number(),
      toCreate: z.array(z.string()),
      toRemove: z.array(z.string()),
    })
    .nullable(),
});

describe("sitepass check", () => {
  let fleet: Scenario;

  before(async () => {
    fleet = await openScenario(engine, { sites: { lima: "", tokyo: "token: { enabled: false }\n" } });
  });

  after(() => fleet.close());

  it("passes before the first up and after it, and says what up would do", async () => {
    const first = await sitepassOn(fleet, ["check"]);
    assert.equal(first.exitCode, 0, first.stdout + first.stderr);
    assert.match(first.stdout, /^ok: Pulumi\.prod\.yaml and 2 sites \(1 shut out\) are valid$/m);
    assert.match(
      first.stdout,
      /^ok: the account has 0 service tokens, 0 of them this stack's; up makes 2 and removes 0, which leaves 2 of 50$/m,
    );
    assert.match(first.stdout, /^warning: Zero Trust: strict service token mode is off/m);
    assert.match(first.stdout, /^1 warning, no problem\.$/m);
    assert.equal(first.stderr, "");

    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);

    const second = await sitepassOn(fleet, ["check"]);
    assert.equal(second.exitCode, 0, second.stdout + second.stderr);
    assert.match(
      second.stdout,
      /^ok: the account has 2 service tokens, 2 of them this stack's; up makes 0 and removes 0, which leaves 2 of 50$/m,
    );
    assert.match(second.stdout, /^ok: the tunnel central-observability is this stack's, and inactive$/m);
  });

  it("fails on a token that may only read, shows no token, and has its summary last", async () => {
    const readOnly = fleet.standIn.createApiToken(
      permissions.filter((permission) => permission.endsWith("Read")),
    );
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["check"], {
      environment: { CLOUDFLARE_API_TOKEN: readOnly },
    });
    assert.equal(exitCode, 1);
    assert.equal(stdout.match(/^error: .* for reading only .* Raise it to Edit\.$/gm)?.length, 4, stdout);
    assert.equal(stdout.trimEnd().split("\n").at(-1), "4 problems, 1 warning.");
    assert.ok(!(stdout + stderr).includes(readOnly));
  });

  it("looks at the files alone with --offline, without an API token", async () => {
    fleet.takeRequests();
    const { exitCode, stdout } = await sitepassOn(fleet, ["check", "--offline"], {
      environment: { CLOUDFLARE_API_TOKEN: undefined },
    });
    assert.equal(exitCode, 0);
    assert.equal(
      stdout,
      "ok: Pulumi.prod.yaml and 2 sites (1 shut out) are valid\n0 warnings, no problem. Nothing was asked of Cloudflare.\n",
    );
    assert.deepEqual(fleet.takeRequests(), { reads: [], writes: [] });
  });

  it("asks for an API token when it is to look at Cloudflare", async () => {
    const { exitCode, stdout } = await sitepassOn(fleet, ["check", "--json"], {
      environment: { CLOUDFLARE_API_TOKEN: undefined },
    });
    assert.equal(exitCode, 1);
    const document = documentSchema.parse(JSON.parse(stdout));
    assert.deepEqual(
      document.findings.filter(({ level }) => level === "problem").map(({ says }) => says.split(":")[0]),
      ["CLOUDFLARE_API_TOKEN"],
    );
  });

  it("says everything that is wrong with configuration and sites at once, as JSON too", async () => {
    fleet.configure({ tokenDuration: "365d" });
    fleet.putSite("lima", "tokn: {}\n");
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["check", "--json", "--offline"]);
    const shown = await sitepassOn(fleet, ["check"]);
    fleet.configure({ tokenDuration: undefined });
    fleet.putSite("lima");
    assert.equal(exitCode, 1);
    assert.equal(stderr, "");
    const document = documentSchema.parse(JSON.parse(stdout));
    const problems = [
      'sitepass:tokenDuration: is "365d", which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.',
      "sites/lima.yaml: tokn is not a known key. Did you mean token? Known keys here: $schema, collector, description, labels, movingTo, proxy, relay, shard, signals, token.",
    ];
    assert.deepEqual(document, {
      ok: false,
      offline: true,
      problems: 2,
      warnings: 0,
      findings: problems.map((says) => ({ topic: "configuration", level: "problem", says })),
      plan: null,
    });
    assert.equal(shown.exitCode, 1);
    assert.equal(
      shown.stdout,
      `${problems.map((says) => `error: ${says}\n`).join("")}2 problems, 0 warnings.\n`,
    );
  });
});
