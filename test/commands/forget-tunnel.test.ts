import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { permissions } from "cloudflare-standin/api/permissions";
import { deleteTunnel } from "../support/deleted-tunnel";
import { engines } from "../support/engines";
import { accountId, openScenario, type Scenario } from "../support/scenario";
import { sitepassOn, type CommandOptions } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";

const [engine] = engines;

describe("sitepass forget-tunnel", () => {
  let fleet: Scenario;
  let id: string;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites: { tokyo: "" } });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    const [tunnel] = fleet.standIn.database.tunnels.keys();
    id = tunnel ?? "";
  });

  after(() => fleet.close());

  const run = (args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> =>
    sitepassOn(fleet, ["forget-tunnel", ...args], options);

  /** It says this and nothing else, and changes nothing. */
  async function assertRefused(problem: string, options: CommandOptions = {}): Promise<void> {
    const before = fleet.storedText();
    fleet.takeRequests();
    for (const args of [[], ["--import"]]) {
      const said = await run(args, options);
      assert.deepEqual([said.exitCode, said.stdout, said.stderr], [1, "", `error: ${problem}\n`]);
    }
    const inJson = await run(["--json", "--import"], options);
    assert.equal(inJson.exitCode, 1);
    assert.deepEqual(JSON.parse(inJson.stdout), { ok: false, problems: [problem] });
    assert.deepEqual(fleet.takeRequests().writes, []);
    assert.equal(fleet.storedText(), before);
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

  const steps: readonly (readonly [string, string])[] = [
    ["pulumi up", "makes another tunnel, and leads the DNS records to it"],
    ["npx sitepass central", "takes the new tunnel's token, and prints how to restart cloudflared"],
    ["npx sitepass verify", "proves that pushes get through"],
  ];
  const deletedAt = (): string => fleet.standIn.database.tunnels.get(id)?.deleted_at ?? "";
  const document = (changed: boolean, next: readonly string[]) => ({
    ok: true,
    stack: "prod",
    tunnels: [{ id, name: "central-observability", deletedAt: deletedAt() }],
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
    changed,
    next,
  });

  it("says what would be forgotten, and changes nothing", async () => {
    const before = fleet.storedText();
    const filesBefore = readdirSync(fleet.directory).sort();
    fleet.takeRequests();
    const { exitCode, stdout, stderr } = await run();
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.equal(
      stdout,
      `The tunnel central-observability (ID ${id}) was deleted at Cloudflare at ${deletedAt()}.
With --import the state of stack prod forgets: tunnel, tunnel-ingress. Nothing is changed yet.

Next:
  npx sitepass forget-tunnel --import  does it; first stop what runs \`pulumi up\` by itself, such as CI
`,
    );
    assert.deepEqual(
      JSON.parse((await run(["--json"])).stdout),
      document(false, ["npx sitepass forget-tunnel --import"]),
    );
    assert.deepEqual(fleet.takeRequests(), { reads: ["GET cfd_tunnel/*", "GET cfd_tunnel/*"], writes: [] });
    assert.equal(fleet.storedText(), before);
    assert.deepEqual(readdirSync(fleet.directory).sort(), filesBefore);
  });

  it("takes it out of the state with --import, leaves no copy anywhere, and says in order what comes next", async (t) => {
    const temporary = mkdtempSync(join(tmpdir(), "sitepass-forget-"));
    t.after(() => {
      rmSync(temporary, { recursive: true });
    });
    const filesBefore = readdirSync(fleet.directory).sort();
    const { sites } = await fleet.outputs();
    fleet.takeRequests();
    const { exitCode, stdout, stderr } = await run(["--import"], { environment: { TMPDIR: temporary } });
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const width = Math.max(...steps.map(([command]) => command.length));
    assert.equal(
      stdout,
      `The tunnel central-observability (ID ${id}) was deleted at Cloudflare at ${deletedAt()}.
Taken out of the state of stack prod: tunnel, tunnel-ingress. Cloudflare was only asked.

Next:
${steps.map(([command, says]) => `  ${command.padEnd(width)}  ${says}\n`).join("")}`,
    );
    assert.deepEqual(fleet.takeRequests(), { reads: ["GET cfd_tunnel/*"], writes: [] });
    assert.deepEqual(readdirSync(fleet.directory).sort(), filesBefore);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual((await fleet.outputs()).sites, sites);
    await assertRefused(
      "stack prod: holds no tunnel, so there is none to forget. Run `pulumi up`, or name another stack with --stack.",
    );
  });

  it("prints one document with --json, which says that the state was changed", async () => {
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    id = [...fleet.standIn.database.tunnels.values()].find(({ deleted_at }) => deleted_at === null)?.id ?? "";
    await deleteTunnel(fleet);
    const { stdout } = await run(["--json", "--import"]);
    assert.deepEqual(
      JSON.parse(stdout),
      document(
        true,
        steps.map(([command]) => command),
      ),
    );
  });
});
