import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { fingerprint } from "../../operate/fingerprint";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { pushSample, openTestDataPath } from "../support/data-path";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import { tokenHeaders } from "../../packages/cloudflare-standin/edge/push";

const [engine] = engines;

describe("sitepass output", () => {
  let fleet: Scenario;
  let tokyo: SiteCredentials;
  let folder: string;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, {
      sites: { tokyo: "", lima: "token: { enabled: false }\n", oslo: "token: { duration: 1s }\n" },
    });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    const found = (await fleet.outputs()).sites.tokyo;
    assert.ok(found !== undefined);
    tokyo = found;
    folder = mkdtempSync(join(tmpdir(), "sitepass-output-"));
  });

  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await fleet.close();
  });

  const envText = () =>
    [
      `CF_ACCESS_CLIENT_ID=${tokyo.clientId}`,
      `CF_ACCESS_CLIENT_SECRET=${tokyo.clientSecret}`,
      "SITEPASS_SITE=tokyo",
      "SITEPASS_METRICS_URL=https://prom.example.com/api/v1/write",
      "SITEPASS_LOGS_URL=https://loki.example.com/loki/api/v1/push",
      "",
    ].join("\n");

  it("writes a file for its owner alone, over one that others could read, and shows no secret", async () => {
    const file = join(folder, "tokyo.env");
    for (const mode of [undefined, 0o644]) {
      if (mode !== undefined) {
        chmodSync(file, mode);
      }
      const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["output", "tokyo", "--to", file]);
      assert.equal(exitCode, 0, stderr);
      assert.equal(
        stdout,
        `tokyo: wrote ${file}, for its owner alone; client secret sha256 ${fingerprint(tokyo.clientSecret)}.\n`,
      );
      assert.equal(stderr, "");
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(readFileSync(file, "utf8"), envText());
    }
  });

  it("gives credentials that a shell reads and that push", async () => {
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, [
      "output",
      "tokyo",
      "--exec",
      "--",
      "sh",
      "-c",
      'set -a; . /dev/stdin; printf "%s %s" "$CF_ACCESS_CLIENT_ID" "$CF_ACCESS_CLIENT_SECRET"',
    ]);
    assert.equal(exitCode, 0, stderr);
    const [clientId = "", clientSecret = ""] = stdout.split(" ");
    const path = await openTestDataPath(fleet);
    try {
      assert.equal(await pushSample(path.edge, "tokyo", tokenHeaders(clientId, clientSecret)), 204);
    } finally {
      await path.close();
    }
  });

  it("keeps the secret out of the command's arguments and environment, and ends as the command does", async () => {
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, [
      "output",
      "tokyo",
      "--format",
      "json",
      "--exec",
      "--",
      "sh",
      "-c",
      'tr "\\0" "\\n" < /proc/$$/environ; tr "\\0" "\\n" < /proc/$$/cmdline; tr "\\0" "\\n" < /proc/$PPID/cmdline; cat > /dev/null; exit 7',
    ]);
    assert.equal(exitCode, 7, stderr);
    assert.match(stdout, /PATH=/);
    assert.ok(!stdout.includes(tokyo.clientSecret));
  });

  it("writes JSON and a Kubernetes Secret to a pipe", async () => {
    const json = await sitepassOn(fleet, ["output", "tokyo", "--format", "json"]);
    assert.deepEqual(JSON.parse(json.stdout), { site: "tokyo", ...tokyo });
    const { stdout } = await sitepassOn(fleet, [
      "output",
      "tokyo",
      "--format",
      "kubernetes",
      "--name",
      "push-pass",
      "--namespace",
      "monitoring",
    ]);
    const manifest = z
      .looseObject({
        kind: z.literal("Secret"),
        metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
        data: z.record(z.string(), z.string()),
      })
      .parse(parse(stdout));
    assert.equal(manifest.metadata.name, "push-pass");
    assert.equal(manifest.metadata.namespace, "monitoring");
    assert.equal(
      Buffer.from(manifest.data.CF_ACCESS_CLIENT_SECRET ?? "", "base64").toString(),
      tokyo.clientSecret,
    );
  });

  it("shows nothing on a terminal without --show", async () => {
    const refused = await onTerminal(["output", "tokyo"]);
    assert.match(refused, /stdout: is a terminal, and the credentials hold a secret\./);
    assert.ok(!refused.includes(tokyo.clientSecret));
    assert.ok((await onTerminal(["output", "tokyo", "--show"])).includes(tokyo.clientSecret));
  });

  /** With script(1) as the terminal. */
  async function onTerminal(args: readonly string[]): Promise<string> {
    const words = [
      process.execPath,
      join(__dirname, "..", "..", "bin", "sitepass.cjs"),
      ...args,
      ...fleet.place.args,
    ];
    const child = spawn("script", ["-qec", words.map((word) => `'${word}'`).join(" "), "/dev/null"], {
      env: { ...process.env, ...fleet.place.environment, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await once(child, "close");
    return text;
  }

  it("says that a site is shut out or has expired, and hands its credentials out all the same", async () => {
    const lima = await sitepassOn(fleet, ["output", "lima"]);
    assert.equal(lima.exitCode, 0);
    assert.equal(
      lima.stderr,
      "warning: sites/lima.yaml: is shut out (token.enabled is false). Its pushes are refused until it is let in again.\n",
    );
    const oslo = await sitepassOn(fleet, ["output", "oslo"]);
    assert.equal(oslo.exitCode, 0);
    assert.match(oslo.stderr, /^warning: sites\/oslo\.yaml: its token expired on \S+ by the last up, so/);
  });

  it("refuses what it cannot do, with what to do, and shows no secret", async () => {
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    symlinkSync(join(open, "target"), join(folder, "link"));
    fleet.putSite("kyoto");
    fleet.putSite("oslo", "signals: [logs]\ntoken: { duration: 1s }\n");
    const refusals: readonly (readonly [args: readonly string[], exitCode: number, says: RegExp])[] = [
      [
        ["tokio"],
        1,
        /^error: tokio: is not a site, for there is no sites\/tokio\.yaml\. Did you mean tokyo\?\n$/,
      ],
      [["kyoto"], 1, /^error: sites\/kyoto\.yaml: has no service token yet\. Run `pulumi up` first\.\n$/],
      [
        ["oslo"],
        1,
        /^error: sites\/oslo\.yaml: pushes to .* and the last up made .*\. Run `pulumi up` first\.\n$/,
      ],
      [
        ["tokyo", "--to", join(open, "tokyo.env")],
        1,
        /^error: .*tokyo\.env: would lie in .*open, where everybody may write\. Name a file in a folder of your own\.\n$/,
      ],
      [
        ["tokyo", "--to", folder],
        1,
        /is there, and no file\. Name a file, or use a pipe in place of --to\.\n$/,
      ],
      [
        ["tokyo", "--to", join(folder, "none", "tokyo.env")],
        1,
        /cannot be written \(no such file or directory\)\. Make its folder first, with mode 0700, or name another file\.\n$/,
      ],
      [["tokyo", "--exec", "--", "no-such-program"], 127, /no-such-program: not found\n$/],
      [["tokyo", "--exec"], 2, /--exec has no command/],
      [["tokyo", "kyoto"], 2, /"kyoto" comes without --exec/],
      [["tokyo", "--to", "x", "--show"], 2, /--to and --show do not go together/],
      [["tokyo", "--name", "x"], 2, /--name and --namespace come only with --format kubernetes/],
      [["tokyo", "--format", "kubernetes", "--name", "Not_a_name"], 2, /is not a lower-case DNS label/],
    ];
    for (const [args, exitCode, says] of refusals) {
      const result = await sitepassOn(fleet, ["output", ...args]);
      assert.equal(result.exitCode, exitCode, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, says);
      assert.ok(!(result.stdout + result.stderr).includes(tokyo.clientSecret));
    }
  });
});
