import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { z } from "zod";
import { engines } from "../support/engines";
import { openScenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

const rendered = z.object({
  path: z.string(),
  as: z.string(),
  identity: z.string(),
  programs: z.array(z.object({ name: z.string(), title: z.string() })),
  written: z.array(z.string()),
  unchanged: z.array(z.string()),
  removed: z.array(z.string()),
  next: z.array(z.string()),
});

/** Nothing of Cloudflare's own is asked in a test. */
const offline = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: undefined };

for (const engine of engines) {
  describe(`sitepass central on ${engine.name}`, () => {
    it("follows a stack: its first up, a new site, and the gate's map", async () => {
      const fleet = await openScenario(engine, {
        sites: { tokyo: "collector: vmagent\n", osaka: "" },
        configuration: { identity: "label" },
      });
      const out = join(fleet.directory, "..", "central-host");
      const run = (...args: readonly string[]) =>
        sitepassOn(fleet, ["central", ...args], { environment: offline });
      try {
        assert.equal((await fleet.up()).exitCode, 0);
        const first = await run("--out", out, "--json");
        assert.equal(first.exitCode, 0, first.stderr);
        const central = rendered.parse(JSON.parse(first.stdout));
        assert.deepEqual([central.as, central.identity, central.removed], ["compose", "label", []]);
        assert.ok(central.written.includes("compose.yaml") && central.written.includes("README.md"));
        assert.ok(existsSync(join(out, "credentials/tunnel-token")));
        const token = readFileSync(join(out, "credentials/tunnel-token"), "utf8");
        assert.ok(token.length > 20);
        assert.ok(!`${first.stdout}${first.stderr}`.includes(token));
        assert.doesNotMatch(first.stderr, /origin/);

        const second = await run("--out", out);
        assert.equal(second.exitCode, 0, second.stderr);
        assert.match(second.stdout, /^for +in +written +unchanged +removed\n/);
        assert.match(second.stdout, /^secrets +\S+\/central-host\/credentials +0 +2 +0$/m);
        assert.match(
          second.stdout,
          /^Next, on the central host:\n {2}npx sitepass central keys --out \S+\/central-host$/m,
        );

        fleet.putSite("ueno", "signals: [metrics]\n");
        assert.equal((await fleet.up()).exitCode, 0);
        // What the map is written to has to be a gate's folder.
        mkdirSync(join(out, "gate"), { recursive: true });
        writeFileSync(join(out, "gate/haproxy.cfg"), "# rendered\n");
        const map = await run("map", "--out", out);
        assert.deepEqual(
          [map.exitCode, map.stderr, map.stdout],
          [
            0,
            "",
            `${out}/gate/sites.map: 3 sites, written; no gate runs that listens in ${out}/run; one that starts reads the file.\n`,
          ],
        );
        assert.match(readFileSync(join(out, "gate/sites.map"), "utf8"), /^\S+ ueno\b/m);
        const again = await run("map", "--out", out, "--json");
        assert.deepEqual(JSON.parse(again.stdout), { sites: 3, changed: false, gate: "not running" });

        const keys = await run("keys", "--out", out);
        assert.equal(keys.exitCode, 1);
        assert.match(
          keys.stderr,
          /^error: https:\/\/[\w-]+\.cloudflareaccess\.com\/cdn-cgi\/access\/certs: cannot be fetched/,
        );
      } finally {
        await fleet.close();
      }
    });

    it("renders units, and says what keeps it from rendering anything", async () => {
      const fleet = await openScenario(engine, {
        sites: { tokyo: "" },
        configuration: { identity: "label" },
      });
      const out = join(fleet.directory, "..", "host");
      const run = (...args: readonly string[]) =>
        sitepassOn(fleet, ["central", ...args], { environment: offline });
      try {
        assert.equal((await fleet.up()).exitCode, 0);
        const lonely = await run("map", "--out", out);
        assert.deepEqual(
          [lonely.exitCode, lonely.stdout, lonely.stderr],
          [
            1,
            "",
            `error: ${out}: holds no gate. Run \`npx sitepass central\` first, with sitepass:identity label or tenant, or name its folder with --out.\n`,
          ],
        );
        const gate = await run("--only", "gate", "--out", out, "--json");
        assert.equal(gate.exitCode, 1);
        assert.deepEqual(JSON.parse(gate.stdout), {
          ok: false,
          problems: ["metrics", "logs"].map(
            (signal) =>
              `--only: is gate, and sitepass:central names no store of yours for ${signal}. Set stores.${signal}.url in it, as in http://${signal === "metrics" ? "mimir:8080/api/v1/push" : "loki:3100/loki/api/v1/push"}.`,
          ),
        });
        assert.ok(!existsSync(out));
        const units = await run("--as", "systemd", "--out", out, "--json");
        assert.equal(units.exitCode, 0, units.stderr);
        const central = rendered.parse(JSON.parse(units.stdout));
        assert.deepEqual(central.next.at(-1), `sudo sh ${out}/install.sh`);
        assert.match(
          readFileSync(join(out, "systemd/sitepass-status.service"), "utf8"),
          new RegExp(`^WorkingDirectory=${fleet.directory}$`, "m"),
        );
        // The gate that runs by systemd listens elsewhere than beside this folder.
        assert.equal(
          (await run("map", "--out", out)).stdout,
          `${out}/gate/sites.map: 1 site, unchanged; no gate runs that listens in ${out}/run; one that was installed from here takes it by \`sudo systemctl start sitepass-map\`.\n`,
        );
        assert.equal((await run("--as", "helm")).exitCode, 2);
      } finally {
        await fleet.close();
      }
    });

    it("warns where the tunnel still leads past the gate", async () => {
      const fleet = await openScenario(engine, { sites: { tokyo: "" } });
      const out = join(fleet.directory, "..", "host");
      try {
        assert.equal((await fleet.up()).exitCode, 0);
        fleet.configure({ identity: "label" });
        const { exitCode, stderr } = await sitepassOn(fleet, ["central", "--out", out]);
        assert.equal(exitCode, 0, stderr);
        assert.match(
          stderr,
          /^warning: sitepass:endpoints\.metrics\.origin: leads to http:\/\/localhost:9090 as the last `up` left it, past the gate/m,
        );
      } finally {
        await fleet.close();
      }
    });
  });
}
