import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { z } from "zod";
import { engines } from "../support/engines";
import { openScenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

const rendered = z.object({
  sites: z.array(
    z.object({
      site: z.string(),
      written: z.array(z.string()),
      unchanged: z.array(z.string()),
      removed: z.array(z.string()),
    }),
  ),
});

const absent = (program: string): boolean => spawnSync(program, ["--help"]).error !== undefined;

/** What keeps a bundle from being opened and installed here. */
const unable =
  process.getuid?.() === 0
    ? ["age", "ssh-keygen", "tar"].filter(absent).map((program) => `${program} is not installed`)[0]
    : "only root can give files away";

for (const engine of engines) {
  describe(`sitepass render on ${engine.name}`, () => {
    it("follows a fleet from its first up over a rotation to the relay, and writes no more than has changed", async () => {
      const fleet = await openScenario(engine, {
        sites: {
          tokyo: "collector: prometheus\n",
          osaka: "collector: fluent-bit\ntoken: { enabled: false }\n",
        },
      });
      const out = join(fleet.directory, "..", "rendered");
      const printed: string[] = [];
      const render = async (...args: readonly string[]) => {
        const result = await sitepassOn(fleet, ["render", ...args, "--out", out]);
        printed.push(result.stdout, result.stderr);
        return result;
      };
      const outcome = async (...args: readonly string[]) => {
        const { exitCode, stdout, stderr } = await render(...args, "--json");
        assert.equal(exitCode, 0, stderr);
        return { sites: rendered.parse(JSON.parse(stdout)).sites, stderr };
      };
      try {
        assert.equal((await fleet.up()).exitCode, 0);
        const { sites: made, stderr } = await outcome("--all");
        assert.deepEqual(
          made.map(({ site, unchanged, removed }) => ({ site, unchanged, removed })),
          ["osaka", "tokyo"].map((site) => ({ site, unchanged: [], removed: [] })),
        );
        assert.equal(
          stderr,
          "warning: sites/osaka.yaml: is shut out (token.enabled is false). Its pushes are refused until it is let in again.\n",
        );
        const files = made.find(({ site }) => site === "tokyo")?.written ?? [];
        assert.deepEqual(
          files.filter((path) => path.includes("credentials")),
          ["prometheus/credentials/client_id", "prometheus/credentials/client_secret"],
        );
        assert.ok(
          ["README.md", "install.sh", "prometheus/prometheus.yml"].every((path) => files.includes(path)),
        );

        const plain = files.filter((path) => !path.includes("credentials"));
        const times = () => plain.map((path) => lstatSync(join(out, "tokyo", path)).mtimeMs);
        const before = times();
        fleet.putSite(
          "tokyo",
          "collector: prometheus\ntoken: { secretVersion: 2, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n",
        );
        assert.equal((await fleet.up()).exitCode, 0);
        assert.deepEqual((await outcome("--all")).sites, [
          { site: "osaka", written: [], unchanged: made[0]?.written, removed: [] },
          {
            site: "tokyo",
            written: ["prometheus/credentials/client_id", "prometheus/credentials/client_secret"],
            unchanged: plain,
            removed: [],
          },
        ]);
        assert.deepEqual(times(), before);
        const { sites } = await fleet.outputs();
        assert.equal(
          readFileSync(join(out, "tokyo/prometheus/credentials/client_secret"), "utf8"),
          sites.tokyo?.clientSecret,
        );

        // Not yet up: refused, and the others are not written either.
        fleet.putSite("kyoto", "collector: alloy\n");
        const refused = await render("--all", "--collector", "vector");
        assert.deepEqual(refused, {
          ...refused,
          exitCode: 1,
          stdout: "",
          stderr: "error: sites/kyoto.yaml: has no service token yet. Run `pulumi up` first.\n",
        });
        assert.deepEqual(readdirSync(out).sort(), ["osaka", "tokyo"]);
        assert.ok(!existsSync(join(out, "tokyo/vector")));

        const checked = await render(
          ...["tokyo", "--collector", "prometheus", "--release", "2.42", "--relay", "--check"],
        );
        assert.equal(checked.exitCode, 0, checked.stderr);
        for (const program of ["nginx", "promtool"]) {
          const text = absent(program)
            ? `tokyo: not checked by ${program}, which is not installed here.`
            : `tokyo: ${program} accepts the files.`;
          assert.ok(checked.stdout.split("\n").includes(text), checked.stdout);
        }
        // Now behind the relay, which alone holds the secret.
        assert.ok(!existsSync(join(out, "tokyo/prometheus/credentials")));
        // And stays there, whatever is forgotten after the next rotation.
        assert.deepEqual(await render("tokyo", "--collector", "vmagent"), {
          exitCode: 1,
          stdout: "",
          stderr: `error: ${join(out, "tokyo")}: was rendered behind the relay, which sites/tokyo.yaml does not name, and without it most collectors lose what is refused. Write relay: nginx into sites/tokyo.yaml; or pass --relay nginx, or --no-relay to take the relay out.\n`,
        });
        assert.ok(existsSync(join(out, "tokyo/relay/nginx.conf")));
        // With it in the file nobody has to remember it, and `up` has nothing to do with it.
        fleet.putSite("kyoto", "");
        fleet.putSite(
          "tokyo",
          "collector: prometheus\nrelay: nginx\ntoken: { secretVersion: 3, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n",
        );
        assert.equal((await fleet.up()).exitCode, 0);
        const again = await outcome("tokyo", "--release", "2.42");
        assert.equal(again.stderr, "");
        assert.deepEqual(again.sites[0]?.written, ["relay/credentials/access.conf"]);
        assert.deepEqual(again.sites[0].removed, []);
        const bare = await render("tokyo", "--collector", "vmagent", "--no-relay");
        assert.equal(bare.exitCode, 0, bare.stderr);
        assert.ok(!existsSync(join(out, "tokyo/relay")));
        assert.ok(existsSync(join(out, "tokyo/vmagent/credentials")));

        // Three created, one rotated twice, a tunnel's secret and its token.
        assert.equal(fleet.standIn.issuedSecrets.size, 7);
        for (const secret of fleet.standIn.issuedSecrets) {
          assert.ok(!printed.join("").includes(secret), "a secret was printed");
        }
      } finally {
        await fleet.close();
      }
    });

    it("seals a bundle that age opens, and that installs as it is", { skip: unable }, async () => {
      const fleet = await openScenario(engine, { sites: { tokyo: "collector: fluent-bit\n" } });
      const home = join(fleet.directory, "..");
      const key = join(home, "key");
      const out = join(home, "sealed");
      const site = join(home, "at-the-site");
      const image = join(home, "image");
      try {
        assert.equal((await fleet.up()).exitCode, 0);
        execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
        const { exitCode, stderr } = await sitepassOn(fleet, [
          ...["render", "tokyo", "--bundle", `${key}.pub`, "--out", out],
        ]);
        assert.equal(exitCode, 0, stderr);
        const tar = execFileSync("age", ["--decrypt", "--identity", key, join(out, "tokyo.tar.age")]);
        mkdirSync(site);
        execFileSync("tar", ["--extract", "--directory", site], { input: tar });
        const installed = spawnSync("sh", [join(site, "tokyo/install.sh")], {
          encoding: "utf8",
          env: { PATH: process.env.PATH, DESTDIR: image },
        });
        assert.deepEqual({ status: installed.status, stderr: installed.stderr }, { status: 0, stderr: "" });
        const secret = join(image, "etc/sitepass/fluent-bit/credentials/client_secret");
        const { sites } = await fleet.outputs();
        assert.equal(readFileSync(secret, "utf8"), sites.tokyo?.clientSecret);
        assert.ok(existsSync(join(image, "etc/systemd/system/fluent-bit.service.d/sitepass.conf")));
      } finally {
        await fleet.close();
      }
    });
  });
}
