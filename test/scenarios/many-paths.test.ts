import assert from "node:assert/strict";
import { it } from "node:test";
import { engines } from "../support/engines";
import { openScenario } from "../support/scenario";

const paths = Array.from({ length: 7 }, (_, index) => `/api/v${index + 1}/write`);

for (const engine of engines) {
  it(`leaves it to Cloudflare how many paths an application takes, and tells its refusal, on ${engine.name}`, async () => {
    const fleet = await openScenario(engine, {
      sites: { tokyo: "" },
      configuration: { endpoints: { metrics: { hostname: "prom.example.com", paths } } },
      limits: { destinationsPerApplication: 6 },
    });
    try {
      const refused = await fleet.up();
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.text, /maximum number of destinations per application has been reached/);
      if (engine.name === "pulumi") {
        const sentence =
          "sitepass:endpoints.metrics.paths: has 7 paths, and an Access application of this account takes fewer destinations. Drop some, or ask Cloudflare to raise the account's limit to the 50 that newer accounts have.";
        assert.ok(refused.text.includes(sentence), refused.text);
      }
      fleet.configure({ endpoints: { metrics: { hostname: "prom.example.com", paths: paths.slice(0, 6) } } });
      const taken = await fleet.up();
      assert.equal(taken.exitCode, 0, taken.text);
      const destroyed = await fleet.destroy();
      assert.equal(destroyed.exitCode, 0, destroyed.text);
    } finally {
      await fleet.close();
    }
  });
}
