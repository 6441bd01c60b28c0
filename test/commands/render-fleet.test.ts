import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { delimiter, join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { collectors } from "../../collectors/collectors";
import { prepareImports } from "../support/prepare-imports";
import { fingerprint } from "../../stack/rotation-notes";
import type { OpenStack } from "../../stack/open-stack";
import { openTestFleet, type TestFleet, type TestFleetOptions } from "../../operate/testing/test-fleet";
import { collectorNames } from "../../fleet/collector-names";
import { problemText, UserError } from "../../fleet/problem";
import { render, type RenderCommand } from "../../cli/render";
import { freshFolder } from "../../handover/testing/folders";
import { captureTerminal } from "../support/captured-terminal";

const defaults: RenderCommand = {
  sites: [],
  all: false,
  mode: "server",
  out: "rendered",
  installDir: "/etc/sitepass",
  bundle: [],
  check: false,
  json: false,
};

/** A fleet that `up` has brought up as its files are. */
async function openFleet(t: TestContext, options: TestFleetOptions): Promise<TestFleet> {
  const fleet = await openTestFleet(t, options);
  for (const { name, signals } of fleet.stack.sites) {
    const credentials = fleet.outputs.sites[name];
    assert.ok(credentials !== undefined);
    // Of the shape of Cloudflare's.
    credentials.clientSecret = `cfast_${createHash("sha256").update(name).digest("hex").slice(0, 48)}`;
    credentials.endpoints = Object.fromEntries(
      fleet.stack.config.endpoints
        .filter(({ signal }) => signals.includes(signal))
        .map(({ signal, hostname, paths }) => [signal, `https://${hostname}${paths[0]}`]),
    );
  }
  return fleet;
}

/** Runs it in this process; what it prints is returned. */
async function run(
  stack: OpenStack,
  options: Partial<RenderCommand>,
  abort = new AbortController().signal,
): Promise<{ stdout: string; stderr: string }> {
  const { terminal, captured } = captureTerminal();
  assert.equal(
    await render(
      stack,
      { ...defaults, ...options },
      { terminal, abort, sites: [], amongSeveral: false, stackFlag: "" },
    ),
    0,
  );
  return captured;
}

async function refusal(stack: OpenStack, options: Partial<RenderCommand>): Promise<readonly string[]> {
  try {
    await run(stack, options);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.problems.map(problemText);
  }
  return [];
}

// Before any test of the file: commands load what they need when they run.
before(prepareImports);

describe("sitepass render", () => {
  it("renders every collector, bare and behind the relay, with the secret in files of mode 0600 alone", async (t) => {
    const out = freshFolder(t);
    const { stack, outputs } = await openFleet(t, {
      sites: Object.fromEntries(collectorNames.map((collector) => [collector, { collector }])),
    });
    await run(stack, { all: true, out: join(out, "bare") });
    await run(stack, { all: true, relay: "nginx", out: join(out, "nginx") });
    await run(stack, { all: true, relay: "caddy", out: join(out, "caddy") });
    for (const kind of ["bare", "nginx", "caddy"]) {
      assert.deepEqual(readdirSync(join(out, kind)).sort(), [...collectorNames].sort());
      for (const name of collectorNames) {
        const folder = join(out, kind, name);
        const secret = outputs.sites[name]?.clientSecret ?? "";
        const holders = filesBelow(folder).filter((path) => readFileSync(path, "utf8").includes(secret));
        assert.ok(secret !== "" && holders.length > 0, folder);
        for (const path of holders) {
          assert.equal(statSync(path).mode & 0o777, 0o600, path);
          assert.match(
            path,
            new RegExp(`^${join(folder, kind === "bare" ? name : "relay")}/credentials/\\.\\.\\d`),
          );
        }
        assert.ok(existsSync(join(folder, "install.sh")) && existsSync(join(folder, "README.md")));
      }
    }
  });

  /** A site that names none, one for each that there is, and one that has no choice. */
  const relayed: TestFleetOptions = {
    sites: {
      berlin: { collector: "prometheus" },
      kyoto: { collector: "alloy", relay: "nginx" },
      osaka: { collector: "vector", relay: "caddy" },
      porto: { collector: "vmagent", relay: "caddy", proxy: "http://proxy.example.net:3128" },
    },
  };

  /** The relay of each site, by what is in its folder. */
  const relaysIn = (out: string): Record<string, readonly string[]> =>
    Object.fromEntries(
      readdirSync(out)
        .sort()
        .map((site) => [
          site,
          ["relay/nginx.conf", "relay/Caddyfile"].filter((file) => existsSync(join(out, site, file))),
        ]),
    );

  const nginx = ["relay/nginx.conf"];
  const caddy = ["relay/Caddyfile"];

  it("gives each site the relay that its file names", async (t) => {
    const out = freshFolder(t);
    const { stack, outputs } = await openFleet(t, relayed);
    const { stdout, stderr } = await run(stack, { all: true, out, json: true });
    assert.equal(stderr, "");
    const { sites } = JSON.parse(stdout) as { sites: { site: string; relay: string | null }[] };
    assert.deepEqual(
      sites.map(({ site, relay }) => [site, relay]),
      [
        ["berlin", null],
        ["kyoto", "nginx"],
        ["osaka", "caddy"],
        ["porto", "caddy"],
      ],
    );
    assert.deepEqual(relaysIn(out), { berlin: [], kyoto: nginx, osaka: caddy, porto: caddy });
    // Again after a rotation, as the hints of the other commands say it: no option, and no relay is lost or changed.
    for (const name of ["berlin", "kyoto", "osaka", "porto"]) {
      const site = outputs.sites[name];
      assert.ok(site !== undefined);
      site.clientSecret = site.clientSecret.replace("cfast_", "cfast_0");
    }
    const again = await run(stack, { all: true, out });
    assert.equal(again.stderr, "");
    assert.deepEqual(
      again.stdout.split("\n").map((line) => line.split(/ +/).slice(0, 3).join(" ")),
      [
        "site collector relay",
        "berlin prometheus -",
        "kyoto alloy nginx",
        "osaka vector caddy",
        "porto vmagent caddy",
        "",
      ],
    );
    assert.deepEqual(relaysIn(out), { berlin: [], kyoto: nginx, osaka: caddy, porto: caddy });
    // The file is enough for a release that works only behind it.
    assert.match(
      (await refusal(stack, { sites: ["berlin"], release: "2.42", out })).join(),
      /^--release: is 2\.42, .* Take the relay \(relay: nginx or caddy in the site's file\), which works/,
    );
    await run(stack, { sites: ["kyoto"], collector: "prometheus", release: "2.42", out });
  });

  it("takes the command line's word over the files', and says what the next render does", async (t) => {
    const out = freshFolder(t);
    const { stack } = await openFleet(t, relayed);
    const some = { sites: ["berlin", "kyoto", "osaka"] };
    const stderrOf = async (options: Partial<RenderCommand>) => {
      const { stderr } = await run(stack, { ...some, out, ...options });
      return stderr.trimEnd().split("\n");
    };
    assert.deepEqual(await stderrOf({ relay: true }), [
      "warning: --relay: is nginx, and sites/berlin.yaml does not say so. Write relay: nginx there, so that nobody has to remember the option.",
    ]);
    assert.deepEqual(relaysIn(out), { berlin: nginx, kyoto: nginx, osaka: caddy });
    assert.deepEqual(await stderrOf({ relay: "caddy" }), [
      ...["berlin", "kyoto"].map(
        (name) =>
          `warning: ${join(out, name)}: its relay was nginx and is Caddy now. Install Caddy at the site first. It takes nginx's place with the restart that install.sh names.`,
      ),
      "warning: --relay: is caddy, and sites/berlin.yaml, sites/kyoto.yaml do not say so. Write relay: caddy there, so that nobody has to remember the option.",
    ]);
    assert.deepEqual(relaysIn(out), { berlin: caddy, kyoto: caddy, osaka: caddy });
    assert.deepEqual(await refusal(stack, { ...some, out }), [
      `${join(out, "berlin")}: was rendered behind the relay, which sites/berlin.yaml does not name, and without it most collectors lose what is refused. Write relay: caddy into sites/berlin.yaml; or pass --relay caddy, or --no-relay to take the relay out.`,
    ]);
    assert.deepEqual(relaysIn(out), { berlin: caddy, kyoto: caddy, osaka: caddy });
    assert.deepEqual(await stderrOf({ relay: false }), [
      "warning: --no-relay: leaves out the relay that sites/kyoto.yaml, sites/osaka.yaml name. Take the key relay out there, or the next render brings it back.",
    ]);
    assert.deepEqual(relaysIn(out), { berlin: [], kyoto: [], osaka: [] });
    assert.deepEqual(await stderrOf({}), [""]);
    assert.deepEqual(relaysIn(out), { berlin: [], kyoto: nginx, osaka: caddy });
    assert.deepEqual(await refusal(stack, { sites: ["kyoto", "porto"], relay: "nginx", out }), [
      "--relay: is nginx, which cannot send through the site's proxy http://proxy.example.net:3128. Take caddy (relay: caddy in the site's file, or --relay caddy), or no relay.",
    ]);
    assert.deepEqual(relaysIn(out), { berlin: [], kyoto: nginx, osaka: caddy });
  });

  it("takes a port for the relays that there are", async (t) => {
    const out = freshFolder(t);
    const { stack } = await openFleet(t, relayed);
    assert.deepEqual(await refusal(stack, { sites: ["berlin"], relayPort: 9000, out }), [
      "--relay-port: is 9000, and no site here has a relay. Write relay: nginx into the site's file, or leave it out.",
    ]);
    await run(stack, { sites: ["berlin", "kyoto"], relayPort: 9000, out });
    assert.match(
      readFileSync(join(out, "kyoto/relay/steps.conf"), "utf8"),
      /^ {2}listen 127\.0\.0\.1:9000 /m,
    );
    assert.equal((await run(stack, { sites: ["kyoto"], relayPort: 9000, out })).stderr, "");
    // The folder keeps it.
    const listening = () =>
      /127\.0\.0\.1:\d+/.exec(readFileSync(join(out, "kyoto/relay/steps.conf"), "utf8"))?.[0];
    assert.equal((await run(stack, { sites: ["kyoto"], out })).stderr, "");
    assert.equal(listening(), "127.0.0.1:9000");
    assert.equal(
      (await run(stack, { sites: ["kyoto"], relayPort: 9480, out })).stderr,
      `warning: ${join(out, "kyoto")}: its relay listened on port 9000 and listens on 9480 now. Where 9480 is in use at the site, pass --relay-port 9000 again.\n`,
    );
    assert.equal(listening(), "127.0.0.1:9480");
    assert.equal((await run(stack, { sites: ["kyoto"], out })).stderr, "");
    // Another folder knows of no other one.
    await run(stack, { sites: ["kyoto"], relayPort: 9000, out });
    const elsewhere = freshFolder(t);
    await run(stack, { sites: ["kyoto"], out: elsewhere });
    assert.match(
      readFileSync(join(elsewhere, "kyoto/relay/steps.conf"), "utf8"),
      /^ {2}listen 127\.0\.0\.1:9480 /m,
    );
  });

  it("seals the relay into a bundle", async (t) => {
    const out = freshFolder(t);
    const { stack } = await openFleet(t, relayed);
    const bundle = [await identityToRecipient(await generateIdentity())];
    const { stdout } = await run(stack, { sites: ["berlin", "kyoto"], bundle, out, json: true });
    const { sites } = JSON.parse(stdout) as { sites: { site: string; written: string[] }[] };
    assert.deepEqual(
      sites.map(({ site, written }) => [site, written.filter((path) => path === "relay/nginx.conf")]),
      [
        ["berlin", []],
        ["kyoto", nginx],
      ],
    );
  });

  it("prints a table for people, with each note once, and warns of sites that are not let in", async (t) => {
    const out = freshFolder(t);
    const { stack, outputs } = await openFleet(t, {
      sites: {
        kyoto: { collector: "prometheus", token: { enabled: false } },
        osaka: { collector: "prometheus" },
        tokyo: { collector: "prometheus" },
      },
    });
    const site = outputs.sites.osaka;
    assert.ok(site !== undefined);
    site.expiresAt = "2020-01-01T00:00:00Z";
    const { stdout, stderr } = await run(stack, { all: true, out });
    const prints = (name: string) => fingerprint(outputs.sites[name]?.clientSecret ?? "");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll(/ +/g, " "));
    assert.match(lines[0] ?? "", /^site +collector +relay +to +files +client secret$/);
    const count = filesBelow(join(out, "tokyo")).length - 1;
    assert.deepEqual(
      lines.slice(1, 4),
      ["kyoto", "osaka", "tokyo"].map(
        (name) => `${name} prometheus - ${join(out, name)} ${count} written sha256 ${prints(name)}`,
      ),
    );
    const notes = lines.slice(4);
    assert.ok(notes.length > 0);
    for (const note of notes) {
      assert.match(note, /^Note for kyoto, osaka, tokyo: /);
    }
    assert.equal(new Set(notes).size, notes.length);
    // They are in each folder's README.
    assert.doesNotMatch((await run(stack, { all: true, out })).stdout, /Note/);
    const readme = readFileSync(join(out, "tokyo", "README.md"), "utf8");
    for (const note of notes) {
      assert.ok(readme.includes(note.replace("Note for kyoto, osaka, tokyo: ", "")), note);
    }
    assert.deepEqual(stderr.trimEnd().split("\n"), [
      "warning: sites/kyoto.yaml: is shut out (token.enabled is false). Its pushes are refused until it is let in again.",
      "warning: sites/osaka.yaml: its token expired on 2020-01-01T00:00:00Z by the last up, so its pushes are refused. Run `npx sitepass renew osaka`.",
    ]);
  });

  it("prints one JSON document, and nothing else on stdout", async (t) => {
    const out = freshFolder(t);
    const { stack, outputs } = await openFleet(t, { sites: { tokyo: { collector: "vector" } } });
    const options = { sites: ["tokyo"], out, json: true };
    const first: unknown = JSON.parse((await run(stack, options)).stdout);
    const second: unknown = JSON.parse((await run(stack, options)).stdout);
    const files = filesBelow(join(out, "tokyo"))
      .map((path) => path.slice(join(out, "tokyo/").length).replace(/\.\.\d[^/]+\//, ""))
      .filter((path) => path !== ".sitepass.json")
      .sort();
    const common = {
      site: "tokyo",
      collector: "vector",
      relay: null,
      path: join(out, "tokyo"),
      removed: [],
      secretFingerprint: fingerprint(outputs.sites.tokyo?.clientSecret ?? ""),
      validations: [],
    };
    const withoutNotes = (document: unknown) =>
      JSON.parse(
        JSON.stringify(document, (key, value: unknown) => (key === "notes" ? undefined : value)),
      ) as unknown;
    assert.deepEqual(withoutNotes(first), { sites: [{ ...common, written: files, unchanged: [] }] });
    assert.deepEqual(withoutNotes(second), { sites: [{ ...common, written: [], unchanged: files }] });
  });

  it("says everything that is wrong at once, and writes nothing unless all can be", async (t) => {
    const out = freshFolder(t);
    const { stack, outputs } = await openFleet(t, {
      sites: {
        kyoto: { collector: "alloy" },
        osaka: {},
        tokyo: { collector: "promtail", signals: ["metrics"] },
      },
    });
    delete outputs.sites.kyoto;
    assert.deepEqual(await refusal(stack, { all: true, out }), [
      "sites/kyoto.yaml: has no service token yet. Run `pulumi up` first.",
      "sites/osaka.yaml: names no collector. Add a key such as collector: alloy, or pass --collector.",
      "sites/tokyo.yaml: collector is promtail, which pushes logs, and the site pushes metrics. Name another collector, or change signals.",
    ]);
    mkdirSync(join(out, "tokyo"));
    writeFileSync(join(out, "tokyo/mine"), "");
    assert.deepEqual(await refusal(stack, { sites: ["osaka", "tokyo"], collector: "alloy", out }), [
      `${join(out, "tokyo")}: holds mine, and no .sitepass.json says that sitepass made this folder. Empty it, or name another place with --out.`,
    ]);
    assert.deepEqual(readdirSync(out), ["tokyo"]);
  });

  it("refuses sites and options that do not go together", async (t) => {
    const { stack } = await openFleet(t, {
      sites: {
        kyoto: { collector: "alloy" },
        osaka: { collector: "vector" },
        tokyo: { collector: "prometheus" },
      },
    });
    assert.deepEqual(await refusal(stack, { sites: ["tokio"] }), [
      "tokio: is not a site, for there is no sites/tokio.yaml. Did you mean tokyo?",
    ]);
    assert.deepEqual(await refusal(stack, { sites: ["kyoto", "osaka"], release: "2.42", mode: "agent" }), [
      "--release: is 2.42, and these sites run alloy, vector, each of which has releases of its own. Render the sites of one collector at a time.",
      "--mode: is agent, which is a mode of Prometheus, and these sites run alloy, vector. Leave it out.",
    ]);
    assert.deepEqual(await refusal(stack, { all: true, installDir: "/my files" }), [
      ...new Set(await refusal(stack, { sites: ["tokyo"], installDir: "/my files" })),
    ]);
  });

  it("says once, of the stack's configuration, that a write path is missing there", async (t) => {
    const { stack } = await openFleet(t, {
      sites: { osaka: { collector: "alloy" }, tokyo: { collector: "promtail" } },
      configuration: { endpoints: { logs: { hostname: "loki.example.com", paths: ["/otlp/v1/logs"] } } },
    });
    assert.deepEqual(await refusal(stack, { all: true }), [
      "sitepass:endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
    ]);
  });

  it("says what the operating system refuses", async (t) => {
    const out = freshFolder(t);
    writeFileSync(join(out, "file"), "");
    const { stack } = await openFleet(t, { sites: { tokyo: { collector: "prometheus" } } });
    for (const bundle of [[], [await identityToRecipient(await generateIdentity())]]) {
      const [problem = "", ...others] = await refusal(stack, {
        all: true,
        out: join(out, "file/deep"),
        bundle,
      });
      assert.deepEqual(others, []);
      assert.match(
        problem,
        /\/file\/deep: cannot be written to \((?:not a directory|file already exists)\)\. Nothing was written\. Fix it, or name another folder with --out, and render again\.$/,
      );
    }
  });

  it("stops between two sites", async (t) => {
    const out = freshFolder(t);
    const { stack } = await openFleet(t, {
      sites: { osaka: { collector: "alloy" }, tokyo: { collector: "alloy" } },
    });
    const stopping = new AbortController();
    stopping.abort();
    assert.equal(
      (await run(stack, { all: true, out, json: true }, stopping.signal)).stdout,
      '{\n  "sites": []\n}\n',
    );
    assert.deepEqual(readdirSync(out), []);
  });

  it("warns of a folder that git would commit", async (t) => {
    if (spawnSync("git", ["--version"]).error !== undefined) {
      t.skip("git is not installed");
      return;
    }
    const tree = freshFolder(t);
    spawnSync("git", ["init", "--quiet", tree]);
    const { stack } = await openFleet(t, { sites: { tokyo: { collector: "alloy" } } });
    const warning = async () =>
      (await run(stack, { all: true, out: join(tree, "rendered"), json: true })).stderr;
    assert.equal(
      await warning(),
      `warning: ${join(tree, "rendered")}: lies in a git work tree and is not ignored, so that secrets would be committed. Add it to .gitignore, or name another folder with --out.\n`,
    );
    writeFileSync(join(tree, ".gitignore"), "rendered/\n");
    assert.equal(await warning(), "");
  });
});

describe("sitepass render --check", () => {
  /** In front of PATH, a validator that says this. */
  function validator(t: TestContext, program: string, script: string): void {
    const folder = freshFolder(t);
    writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, program), 0o755);
    const path = process.env.PATH ?? "";
    process.env.PATH = `${folder}${delimiter}${path}`;
    t.after(() => {
      process.env.PATH = path;
    });
  }

  it("shows the files to the collector's own validator, never the secret, and says who looked", async (t) => {
    const out = freshFolder(t);
    const seen = join(out, "seen");
    const { stack, outputs } = await openFleet(t, { sites: { tokyo: { collector: "prometheus" } } });
    const { program } = collectors.prometheus.service(
      { directory: "/x", credentials: undefined },
      { version: collectors.prometheus.defaultVersion, mode: "server" },
    ).validator;
    validator(t, program, `cat prometheus/*.yml prometheus/credentials/* >${seen}`);
    const { stdout } = await run(stack, { sites: ["tokyo"], check: true, out });
    assert.match(stdout, new RegExp(`^tokyo: ${program} accepts the files\\.$`, "m"));
    const text = readFileSync(seen, "utf8");
    assert.match(text, /remote_write/);
    assert.match(text, /cfast_0{48}/);
    assert.ok(!text.includes(outputs.sites.tokyo?.clientSecret ?? ""));
  });

  it("writes nothing when a validator refuses", async (t) => {
    const out = freshFolder(t);
    const { stack } = await openFleet(t, { sites: { tokyo: { collector: "vector" } } });
    const { program } = collectors.vector.service(
      { directory: "/x", credentials: undefined },
      { version: collectors.vector.defaultVersion, mode: "server" },
    ).validator;
    validator(t, program, "echo 'line 1: bad'; echo '  worse.'; exit 1");
    assert.deepEqual(await refusal(stack, { sites: ["tokyo"], check: true, out }), [
      `sites/tokyo.yaml: ${program} refuses the rendered files (line 1: bad | worse). Name the release that the site runs with --release, or report this as a bug of sitepass. Nothing was written.`,
    ]);
    assert.deepEqual(readdirSync(out), []);
  });
});

describe("sitepass render --bundle", () => {
  it("writes one sealed file a site, for its owner alone, and says how it is opened and checked", async (t) => {
    const out = freshFolder(t);
    const identity = await generateIdentity();
    const { stack, outputs } = await openFleet(t, {
      sites: { osaka: { collector: "alloy" }, tokyo: { collector: "alloy" } },
    });
    const bundle = [await identityToRecipient(identity)];
    const { stdout, stderr } = await run(stack, { all: true, out, bundle });
    assert.equal(stderr, "");
    assert.deepEqual(readdirSync(out).sort(), ["osaka.tar.age", "tokyo.tar.age"]);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    for (const site of ["osaka", "tokyo"]) {
      const path = join(out, `${site}.tar.age`);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const tar = await decrypter.decrypt(readFileSync(path), "text");
      assert.ok(tar.includes(outputs.sites[site]?.clientSecret ?? "none"));
      const sum = createHash("sha256").update(readFileSync(path)).digest("hex");
      // As sha256sum prints it.
      assert.ok(stdout.includes(`${sum}  ${path}\n`));
    }
    assert.match(
      stdout,
      /^Opened at the site with: age -d -i KEY osaka\.tar\.age \| tar -x && cd osaka && sudo sh install\.sh$/m,
    );
  });

  it("says nothing of a folder of an earlier rendering when a sealed file cannot be written", async (t) => {
    const out = freshFolder(t);
    const { stack } = await openFleet(t, { sites: { tokyo: { collector: "alloy" } } });
    await run(stack, { all: true, out });
    mkdirSync(join(out, "tokyo.tar.age"));
    const bundle = [await identityToRecipient(await generateIdentity())];
    assert.deepEqual(await refusal(stack, { all: true, out, bundle }), [
      `${out}: cannot be written to (illegal operation on a directory). Nothing was written. Fix it, or name another folder with --out, and render again.`,
    ]);
  });

  it("finds a wrong recipient before the stack is asked", async (t) => {
    const { stack } = await openFleet(t, { sites: { tokyo: { collector: "alloy" } } });
    const unasked: OpenStack = { ...stack, outputs: () => Promise.reject(new Error("the stack was asked")) };
    assert.deepEqual(await refusal(unasked, { all: true, bundle: ["./nobody.pub"] }), [
      '--bundle: ./nobody.pub is neither a public key nor a file. Give age1…, "ssh-ed25519 AAAA…", or a file of such lines.',
    ]);
  });
});

/** Files in a folder, without those behind links. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}
