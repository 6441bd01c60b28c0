import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import type { ProjectStack } from "../../local/run/project-stack";
import { startStandIn, type StandIn } from "cloudflare-standin";
import { localEngine } from "../support/engines";
import { openScenario, takeRequestsTo, tally, type Scenario } from "../support/scenario";
import { sitepass } from "../support/sitepass";

/** The second account, with a zone, host names and a tunnel of its own. */
const configurationOfUs = {
  "sitepass:accountId": "1123456789abcdef0123456789abcdef",
  "sitepass:zone": "example.net",
  "sitepass:endpoints": { metrics: { hostname: "prom.example.net" }, logs: { hostname: "loki.example.net" } },
  "sitepass:publish": { tunnel: { name: "central-us" } },
  "sitepass:teamName": "example-us",
  "sitepass:shard": "us",
};

describe("two stacks of one checkout, each a shard in an account of its own", () => {
  let fleet: Scenario;
  let standInOfUs: StandIn;
  let us: ProjectStack;

  const tokensOf = ({ database }: StandIn): readonly string[] =>
    [...database.serviceTokens.values()].map(({ name }) => name).sort();
  const configureUs = (values: object): void => {
    writeFileSync(
      join(fleet.directory, "Pulumi.us.yaml"),
      stringify({ config: { ...configurationOfUs, ...values } }),
    );
  };
  /** Runs `up` of both stacks and tells what was changed in each account, and what was said of sites. */
  const upBoth = async () => {
    const writes = [];
    const warnings = [];
    for (const [stack, standIn] of [
      [fleet, fleet.standIn],
      [us, standInOfUs],
    ] as const) {
      takeRequestsTo(standIn);
      const { exitCode, text } = await stack.up();
      assert.equal(exitCode, 0, text);
      writes.push(tally(takeRequestsTo(standIn).writes));
      warnings.push(...(text.match(/sites\/: .*$/gm) ?? []).map((line) => line.trim()));
    }
    return { writes, warnings };
  };

  before(async () => {
    fleet = await openScenario(localEngine, { sites: { berlin: "", oslo: "" } });
    standInOfUs = await startStandIn({
      accountId: configurationOfUs["sitepass:accountId"],
      teamName: configurationOfUs["sitepass:teamName"],
      zones: [{ name: configurationOfUs["sitepass:zone"] }],
    });
    us = localEngine.open({
      directory: fleet.directory,
      home: join(fleet.directory, ".."),
      stackName: "us",
      baseUrl: standInOfUs.baseUrl,
      apiToken: standInOfUs.apiToken,
    });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    configureUs({});
  });

  after(async () => {
    await standInOfUs.close();
    await fleet.close();
  });

  it("gives the first stack's shard a name without a change", async () => {
    fleet.configure({ shard: "eu" });
    fleet.putSite("berlin", "shard: eu\n");
    fleet.putSite("oslo", "shard: eu\n");
    fleet.takeRequests();
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    assert.deepEqual(fleet.takeRequests().writes, []);
  });

  it("refuses a stack whose shard has no site, and changes nothing", async () => {
    takeRequestsTo(standInOfUs);
    const { exitCode, text } = await us.up();
    assert.notEqual(exitCode, 0);
    assert.ok(
      text.includes(
        "sites/: holds no site of the shard us, which this stack is (the 2 sites there are in the shard eu), and with no site every service token of the stack would be deleted. Set sitepass:shard to",
      ),
      text,
    );
    assert.deepEqual(takeRequestsTo(standInOfUs), { reads: [], writes: [] });
  });

  it("makes in each account the tokens of its own sites alone, and changes nothing again", async () => {
    fleet.putSite("lima", "shard: us\n");
    fleet.putSite("tokyo", "shard: us\nsignals: [logs]\n");
    const first = await upBoth();
    assert.deepEqual(first.writes[0], {});
    assert.deepEqual(tokensOf(fleet.standIn), ["sitepass/prod/berlin", "sitepass/prod/oslo"]);
    assert.deepEqual(tokensOf(standInOfUs), ["sitepass/us/lima", "sitepass/us/tokyo"]);
    assert.deepEqual(Object.keys((await us.outputs()).sites), ["lima", "tokyo"]);
    assert.deepEqual(await upBoth(), { writes: [{}, {}], warnings: [] });
  });

  it("has a site that is moving in both, and each with credentials of its own", async () => {
    fleet.putSite("oslo", "shard: eu\nmovingTo: us\n");
    const { writes, warnings } = await upBoth();
    assert.deepEqual(writes, [{}, { "POST service_tokens": 1, "PUT policies/*": 2 }]);
    assert.deepEqual(warnings, []);
    const [here, there] = [(await fleet.outputs()).sites.oslo, (await us.outputs()).sites.oslo];
    assert.ok(here !== undefined && there !== undefined);
    assert.notEqual(here.clientId, there.clientId);
    assert.equal(there.endpoints.metrics, "https://prom.example.net/api/v1/write");
    assert.deepEqual(await upBoth(), { writes: [{}, {}], warnings: [] });
  });

  it("has it in the new shard alone when its move has ended, and says what that takes away", async () => {
    const before = (await us.outputs()).sites.oslo;
    fleet.putSite("oslo", "shard: us\n");
    const { writes, warnings } = await upBoth();
    assert.deepEqual(writes, [{ "PUT apps/*": 2, "DELETE policies/*": 2, "DELETE service_tokens/*": 1 }, {}]);
    assert.deepEqual(warnings, [
      "sites/: oslo is in the shard us now, and this up deletes what lets it in here: what is still pushed with this stack's credentials is refused from then on, and most collectors lose what is refused. Put the other stack's credentials in place first. Until then leave shard in the file as it was, and name the other shard as movingTo: both stacks have a token then (docs/scale.md).",
    ]);
    assert.deepEqual(tokensOf(fleet.standIn), ["sitepass/prod/berlin"]);
    assert.deepEqual((await us.outputs()).sites.oslo, before);
    assert.deepEqual(await upBoth(), { writes: [{}, {}], warnings: [] });
  });

  it("refuses a stack whose shard was mistyped, and finds a file whose shard no stack is", async () => {
    configureUs({ "sitepass:shard": "su" });
    takeRequestsTo(standInOfUs);
    const { exitCode, text } = await us.up();
    assert.notEqual(exitCode, 0);
    assert.match(text, /sites\/: holds no site of the shard su, which this stack is \(the 4 sites there are/);
    assert.deepEqual(takeRequestsTo(standInOfUs), { reads: [], writes: [] });

    const { args, environment } = fleet.forSitepass;
    const checked = await sitepass(["check", "--offline", ...args], { environment });
    assert.equal(checked.exitCode, 1);
    assert.match(
      checked.stdout,
      /^error: sites\/lima\.yaml: shard is us, and no stack of the project is the shard us \(prod is the shard eu, us is the shard su\)\. Give it the shard of one of them, or make a stack whose sitepass:shard is us\.$/m,
    );
  });
});
