import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { deleteTunnel } from "../support/deleted-tunnel";
import { engines } from "../support/engines";
import { openScenario, writesOfUp, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

/** A fleet whose tunnel was deleted. */
interface Lost {
  readonly fleet: Scenario;
  /** Of the tunnel. */
  readonly id: string;
  /** What the sites had before, secrets included. */
  readonly sites: RevealedOutputs["sites"];
}

for (const engine of engines) {
  describe(`a tunnel that was deleted at Cloudflare, on ${engine.name}`, () => {
    async function withLostTunnel(body: (lost: Lost) => Promise<void>): Promise<void> {
      const fleet = await openScenario(engine, {
        sites: { tokyo: "" },
        configuration: { protect: true, alertEmails: ["ops@example.com"] },
      });
      try {
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        const { sites } = await fleet.outputs();
        await body({ fleet, sites, id: await deleteTunnel(fleet) });
      } finally {
        await fleet.close();
      }
    }

    /** Forgets it as the command says; the `up` after that makes another, and nothing a second time. */
    async function assertWayOut({ fleet, id, sites }: Lost, held: readonly string[]): Promise<void> {
      const { database } = fleet.standIn;
      fleet.takeRequests();
      const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["forget-tunnel", "--import"]);
      assert.equal(exitCode, 0, stderr);
      assert.equal(stderr, "");
      assert.ok(stdout.includes(`Taken out of the state of stack prod: ${held.join(", ")}.`), stdout);
      assert.deepEqual(fleet.takeRequests(), { reads: ["GET cfd_tunnel/*"], writes: [] });
      assert.deepEqual([...(await writesOfUp(fleet))].sort(), [
        "POST cfd_tunnel",
        "PUT cfd_tunnel/*/configurations",
        "PUT dns_records/*",
        "PUT dns_records/*",
        // About the tunnel's health.
        "PUT policies/*",
      ]);
      assert.deepEqual(await writesOfUp(fleet), []);
      const live = [...database.tunnels.values()].filter(({ deleted_at }) => deleted_at === null);
      const [tunnel] = live;
      assert.ok(tunnel !== undefined);
      assert.deepEqual([live.length, database.tunnels.size], [1, 2]);
      assert.equal(tunnel.configuration.config?.ingress?.length, 4);
      assert.deepEqual(
        [...database.dnsRecords.values()].map(({ content }) => content),
        [`${tunnel.id}.cfargotunnel.com`, `${tunnel.id}.cfargotunnel.com`],
      );
      assert.deepEqual(
        [...database.notificationPolicies.values()].flatMap(({ filters = {} }) => Object.values(filters)),
        [[tunnel.id]],
      );
      assert.equal(database.notificationPolicies.size, 2);
      const after = await fleet.outputs();
      assert.equal(after.tunnelId, tunnel.id);
      assert.notEqual(tunnel.id, id);
      assert.deepEqual(after.sites, sites);
      // The new one is protected as the old one was.
      fleet.takeRequests();
      const destroyed = await fleet.destroy();
      assert.notEqual(destroyed.exitCode, 0, destroyed.text);
      assert.deepEqual(fleet.takeRequests().writes, []);
    }

    it("stops every up and preview with the command that leads out, which it does at once", async () => {
      await withLostTunnel(async (lost) => {
        const { fleet, id } = lost;
        for (const { exitCode, text } of [await fleet.preview(), await fleet.up()]) {
          assert.notEqual(exitCode, 0);
          assert.match(
            text,
            new RegExp(
              `tunnel "central-observability": its token cannot be read, ID ${id} \\(.*\\)\\. If the tunnel was deleted at Cloudflare, run \`npx sitepass forget-tunnel --stack prod\`, which prints the way to another; if not, give the API token the permission "Cloudflare Tunnel" Edit\\.`,
            ),
          );
          assert.ok(!/^\s+at /m.test(text), text);
        }
        await assertWayOut(lost, ["tunnel", "tunnel-ingress"]);
      });
    });

    it("is kept by a refresh, which drops its ingress rules alone; the same command leads out", async () => {
      await withLostTunnel(async (lost) => {
        const { fleet, id } = lost;
        const refreshed = await fleet.refresh();
        assert.equal(refreshed.exitCode, 0, refreshed.text);
        const { exitCode, text } = await fleet.up();
        assert.notEqual(exitCode, 0);
        assert.ok(text.includes("`npx sitepass forget-tunnel --stack prod`"), text);
        if (engine.name === "pulumi") {
          assert.ok(
            text.includes(
              `tunnel ${id}: was answered with 404, as if it were not there. Run \`pulumi up\` once more; if it says so again, run \`npx sitepass forget-tunnel --stack prod\`, which tells whether the tunnel was deleted, and then prints the way to another.`,
            ),
            text,
          );
        }
        await assertWayOut(lost, ["tunnel"]);
      });
    });
  });
}
