import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { permissions } from "cloudflare-standin/api/permissions";
import { deleteTunnel } from "../support/deleted-tunnel";
import { engines } from "../support/engines";
import { accountId, openScenario, type Scenario } from "../support/scenario";
import { sitepassOn, type CommandOptions } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";

const [engine] = engines;

const file = "forget-tunnel.prod.json";

describe("sitepass forget-tunnel", () => {
  let fleet: Scenario;
  let id: string;
  /** The command that puts the file in the place of the state: local/engine's is a file itself. */
  let putInPlace: string;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites: { tokyo: "" } });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    const [tunnel] = fleet.standIn.database.tunnels.keys();
    id = tunnel ?? "";
    putInPlace =
      engine.name === "pulumi"
        ? `pulumi stack import --stack prod --file ${file}`
        : `mv ${file} ${fleet.forSitepass.args.at(-1)}`;
  });

  after(() => fleet.close());

  const run = (args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> =>
    sitepassOn(fleet, ["forget-tunnel", ...args], options);

  /** It says this and nothing else, and changes nothing. */
  async function assertRefused(problem: string, options: CommandOptions = {}): Promise<void> {
    const before = fleet.storedText();
    fleet.takeRequests();
    const said = await run([], options);
    assert.deepEqual([said.exitCode, said.stdout, said.stderr], [1, "", `error: ${problem}\n`]);
    const inJson = await run(["--json"], options);
    assert.equal(inJson.exitCode, 1);
    assert.deepEqual(JSON.parse(inJson.stdout), { ok: false, problems: [problem] });
    assert.deepEqual(fleet.takeRequests().writes, []);
    assert.equal(fleet.storedText(), before);
    assert.equal(existsSync(join(fleet.directory, file)), false);
  }

  it("refuses while the tunnel is there", async () => {
    await assertRefused(
      `tunnel central-observability: is there (ID ${id}) and would be left running without this stack. Keep it. Where pushes are answered with 530, no connector of it is up: start cloudflared, and look at its log.`,
    );
  });

  it("refuses where it may not look", async () => {
    await deleteTunnel(fleet);
    const { standIn } = fleet;
    const apiToken = standIn.createApiToken(
      permissions.filter((one) => !one.startsWith("Cloudflare Tunnel")),
    );
    await assertRefused(
      `CLOUDFLARE_API_TOKEN: may not read tunnel ${id} of account ${accountId} (HTTP 403, 10000 Authentication error). Give it the permission "Cloudflare Tunnel, Read".`,
      { environment: { CLOUDFLARE_API_TOKEN: apiToken } },
    );
  });

  it("writes the state without it, and says in order what comes next", async () => {
    const deletedAt = fleet.standIn.database.tunnels.get(id)?.deleted_at ?? "";
    const before = fleet.storedText();
    const filesBefore = readdirSync(fleet.directory);
    fleet.takeRequests();
    const { exitCode, stdout, stderr } = await run();
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, "");
    const steps: readonly (readonly [string, string])[] = [
      [putInPlace, "puts it in the place of the state; do it before anybody runs `pulumi up`"],
      ...(engine?.name === "pulumi" ? [[`rm ${file}`, "deletes this copy of the state"] as const] : []),
      ["pulumi up --stack prod", "makes another tunnel, and leads the DNS records to it"],
      [
        "npx sitepass central --stack prod",
        "takes the new tunnel's token, and prints how to restart cloudflared",
      ],
      ["npx sitepass verify --stack prod", "proves that pushes get through"],
    ];
    const width = Math.max(...steps.map(([command]) => command.length));
    assert.equal(
      stdout,
      `The tunnel central-observability (ID ${id}) was deleted at Cloudflare at ${deletedAt}.
${file}: written, the stack's state without it (tunnel, tunnel-ingress). Nothing else is changed yet, neither the stack nor Cloudflare.

Next:
${steps.map(([command, says]) => `  ${command.padEnd(width)}  ${says}\n`).join("")}`,
    );
    assert.deepEqual(fleet.takeRequests(), { reads: ["GET cfd_tunnel/*"], writes: [] });
    assert.equal(fleet.storedText(), before);
    assert.deepEqual(readdirSync(fleet.directory).sort(), [...filesBefore, file].sort());
    assert.equal(statSync(join(fleet.directory, file)).mode & 0o777, 0o600);
    const written = readFileSync(join(fleet.directory, file), "utf8");
    assert.ok(!written.includes("ZeroTrustTunnelCloudflared"), written);
    assert.equal(written.includes(fleet.standIn.apiToken), false);
    if (engine?.name === "pulumi") {
      const { clientSecret } = (await fleet.outputs()).sites.tokyo ?? { clientSecret: "" };
      assert.notEqual(clientSecret, "");
      assert.equal(written.includes(clientSecret), false);
    }
  });

  it("prints one document with --json, and writes the same again", async () => {
    const first = readFileSync(join(fleet.directory, file), "utf8");
    const { exitCode, stdout, stderr } = await run(["--json"]);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      ok: true,
      stack: "prod",
      tunnels: [
        {
          id,
          name: "central-observability",
          deletedAt: fleet.standIn.database.tunnels.get(id)?.deleted_at,
        },
      ],
      file,
      forgotten: [
        {
          type: "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
          name: "tunnel",
          id,
        },
        {
          type: "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
          name: "tunnel-ingress",
          id,
        },
      ],
      next: [
        putInPlace,
        ...(engine?.name === "pulumi" ? [`rm ${file}`] : []),
        "pulumi up --stack prod",
        "npx sitepass central --stack prod",
        "npx sitepass verify --stack prod",
      ],
    });
    assert.equal(readFileSync(join(fleet.directory, file), "utf8"), first);
  });

  it("says that there is none to forget once that is done, and names no central host without a tunnel", async () => {
    fleet.configure({ publish: { addresses: { metrics: "203.0.113.7", logs: "203.0.113.8" } } });
    const { stdout } = await run(["--json"]);
    assert.deepEqual(z.object({ next: z.array(z.string()) }).parse(JSON.parse(stdout)).next, [
      putInPlace,
      ...(engine?.name === "pulumi" ? [`rm ${file}`] : []),
      "pulumi up --stack prod",
    ]);
    const placed = await fleet.importState(join(fleet.directory, file));
    assert.equal(placed.exitCode, 0, placed.text);
    if (engine?.name === "pulumi") {
      rmSync(join(fleet.directory, file));
    }
    await assertRefused(
      "stack prod: holds no tunnel, so there is none to forget. Run `pulumi up`, or name another stack with --stack.",
    );
  });
});
