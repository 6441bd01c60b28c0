import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { RenderedFile } from "../../collectors/collector";
import { textOf } from "../../collectors/testing/rendered-files";
import { unitValues } from "../../collectors/testing/systemd-parser";
import { contents, freshFolder } from "../../handover/testing/folders";
import type { CentralHost } from "../central-host";
import { packagedHost } from "../testing/expected-folders";
import { folderFiles } from "./folder-files";

/** Why a program is not there for a test. */
const absence = (...programs: readonly string[]): string | false => {
  const absent = programs.filter((program) => spawnSync(program, ["--version"]).error !== undefined);
  return absent.length > 0 && `${absent.join(" and ")} not on PATH`;
};

const onlyRoot = process.getuid?.() === 0 ? false : "only root installs";

const render = (changes: Partial<CentralHost> = {}) => folderFiles(packagedHost(changes), "systemd");

function put(folder: string, files: readonly RenderedFile[]): void {
  for (const { path, content, mode } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), mode);
  }
}

const hosts: Readonly<Record<string, Partial<CentralHost>>> = {
  label: {},
  tenant: { identity: "tenant" },
  off: { identity: "off" },
};

describe("units of a central host", () => {
  for (const [name, changes] of Object.entries(hosts)) {
    it(
      `are taken by systemd without a word, with identity ${name}`,
      { skip: absence("systemd-analyze") },
      (t) => {
        const folder = freshFolder(t);
        const units = render(changes).filter(({ path }) => path.startsWith("systemd/"));
        assert.ok(units.length >= 8);
        put(
          folder,
          // Whether the programs are on this machine is not what is asked.
          units.map((unit) => ({
            ...unit,
            content: unit.content.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"),
          })),
        );
        const { status, stdout, stderr } = spawnSync(
          "systemd-analyze",
          ["verify", ...units.map(({ path }) => join(folder, path))],
          { encoding: "utf8" },
        );
        assert.deepEqual([status, stdout, stderr], [0, "", ""]);
      },
    );
  }

  it("run as users of their own, and as root nowhere", () => {
    for (const { path, content } of render().filter((file) => file.path.endsWith(".service"))) {
      const users = [...unitValues(content, "User"), ...unitValues(content, "DynamicUser")];
      assert.equal(users.length, 1, path);
      assert.match(users[0] ?? "", /^(?:yes|sitepass|sitepass-exporter)$/, path);
      assert.deepEqual(unitValues(content, "NoNewPrivileges"), ["yes"], path);
      assert.deepEqual(unitValues(content, "CapabilityBoundingSet"), [""], path);
    }
  });

  it("get their secrets from systemd, each its own", () => {
    assert.deepEqual(unitValues(textOf(render(), "systemd/sitepass-cloudflared.service"), "LoadCredential"), [
      "tunnel-token:/etc/sitepass/central/credentials/tunnel-token",
    ]);
    assert.deepEqual(unitValues(textOf(render(), "systemd/sitepass-gate.service"), "LoadCredential"), []);
  });

  it("let the timers write the map, the keys and what is alarmed on, in /etc too", () => {
    for (const name of ["keys", "map", "status"]) {
      const unit = textOf(render(), `systemd/sitepass-${name}.service`);
      assert.deepEqual(unitValues(unit, "ProtectSystem"), ["full"]);
      assert.deepEqual(unitValues(unit, "ReadWritePaths"), [
        "-/etc/sitepass/central/gate -/var/lib/sitepass/textfiles",
      ]);
    }
  });

  it("come with the timers that the gate needs, and without where there is none", () => {
    const timers = (changes: Partial<CentralHost>) =>
      render(changes)
        .map(({ path }) => path)
        .filter((path) => path.endsWith(".timer"));
    assert.deepEqual(
      timers({}),
      ["keys", "map", "status"].map((name) => `systemd/sitepass-${name}.timer`),
    );
    assert.deepEqual(timers({ identity: "off" }), ["systemd/sitepass-status.timer"]);
  });
});

describe("users of a central host", () => {
  const skip = absence("systemd-sysusers") || onlyRoot;

  it("are made by systemd as they are rendered", { skip }, (t) => {
    const image = freshFolder(t);
    put(
      join(image, "etc/sysusers.d"),
      render()
        .filter(({ path }) => path.startsWith("sysusers/"))
        .map((file) => ({ ...file, path: basename(file.path) })),
    );
    const { status, stderr } = spawnSync("systemd-sysusers", [`--root=${image}`], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.match(
      readFileSync(join(image, "etc/passwd"), "utf8"),
      /^sitepass:x:\d+:\d+:[^:]+:\/var\/lib\/sitepass\/home:\S+\/nologin$/m,
    );
    assert.match(readFileSync(join(image, "etc/passwd"), "utf8"), /^sitepass-exporter:x:/m);
  });
});

/** Runs install.sh into an image. */
function install(folder: string, image: string, programs?: string) {
  const { status, stdout, stderr } = spawnSync("sh", [join(folder, "install.sh")], {
    encoding: "utf8",
    cwd: "/",
    env: {
      PATH: [...(programs === undefined ? [] : [programs]), process.env.PATH ?? ""].join(delimiter),
      DESTDIR: image,
    },
  });
  return { status, stdout, stderr };
}

function rendered(t: TestContext, changes: Partial<CentralHost> = {}): string {
  const folder = freshFolder(t);
  put(folder, [...render(changes), { path: "credentials/tunnel-token", mode: 0o600, content: "secret" }]);
  put(folder, [{ path: "gate/keys/1.pem", mode: 0o644, content: "key" }]);
  return folder;
}

describe("install.sh of a central host", () => {
  it("is a script that shellcheck finds nothing in", { skip: absence("shellcheck") }, (t) => {
    for (const changes of Object.values(hosts)) {
      const { status, stdout } = spawnSync("shellcheck", [join(rendered(t, changes), "install.sh")], {
        encoding: "utf8",
      });
      assert.deepEqual([status, stdout], [0, ""]);
    }
  });

  it("installs everything once, and changes nothing the second time", { skip: onlyRoot }, (t) => {
    const folder = rendered(t);
    const image = freshFolder(t);
    const first = install(folder, image);
    assert.deepEqual([first.status, first.stderr], [0, ""]);
    const root = join(image, "etc/sitepass/central");
    assert.equal(contents(root).credentials, "700");
    assert.equal(contents(root)["credentials/tunnel-token"], "600 secret");
    assert.equal(contents(root)["gate/keys/1.pem"], "644 key");
    assert.ok(existsSync(join(image, "etc/systemd/system/sitepass-map.timer")));
    assert.ok(existsSync(join(image, "etc/sysusers.d/sitepass-central.conf")));
    const before = contents(image);
    assert.deepEqual(install(folder, image), {
      status: 0,
      stdout: "The central host of prod: all was in place already.\n",
      stderr: "",
    });
    assert.deepEqual(contents(image), before);
  });

  it(
    "replaces what changed, keeps newer keys, and removes what is not rendered any more",
    { skip: onlyRoot },
    (t) => {
      const folder = rendered(t);
      const image = freshFolder(t);
      install(folder, image);
      const root = join(image, "etc/sitepass/central");
      writeFileSync(join(root, "gate/keys/1.pem"), "newer");
      writeFileSync(join(root, "mine"), "a person's");
      rmSync(join(folder, "systemd"), { recursive: true });
      put(folder, [
        ...render({ identity: "off" }),
        { path: "credentials/tunnel-token", mode: 0o600, content: "other" },
      ]);
      const { status, stdout } = install(folder, image);
      assert.equal(status, 0);
      assert.ok(stdout.includes(`replaced ${root}/credentials/tunnel-token`), stdout);
      assert.ok(stdout.includes(`removed ${image}/etc/systemd/system/sitepass-map.timer`), stdout);
      assert.ok(!existsSync(join(image, "etc/systemd/system/sitepass-keys.service")));
      assert.equal(readFileSync(join(root, "credentials/tunnel-token"), "utf8"), "other");
      assert.equal(readFileSync(join(root, "gate/keys/1.pem"), "utf8"), "newer");
      assert.equal(readFileSync(join(root, "mine"), "utf8"), "a person's");
    },
  );

  it("refuses a folder that is not whole, and the place of another stack", { skip: onlyRoot }, (t) => {
    const folder = rendered(t);
    const image = freshFolder(t);
    install(rendered(t, { stackName: "other" }), image);
    const before = contents(image);
    assert.deepEqual(install(folder, image), {
      status: 1,
      stdout: "",
      stderr: `install.sh: ${image}/etc/sitepass/central holds the central host of stack other, and these are the files of stack prod. Remove ${image}/etc/sitepass/central/.installed if that one is gone. Nothing was changed.\n`,
    });
    rmSync(join(folder, "systemd/sitepass-map.timer"));
    assert.deepEqual(install(folder, freshFolder(t)), {
      status: 1,
      stdout: "",
      stderr: `install.sh: ${folder}/systemd/sitepass-map.timer is missing. Copy the whole folder again. Nothing was changed.\n`,
    });
    assert.deepEqual(contents(image), before);
  });

  it("calls programs as this machine does", { skip: onlyRoot }, (t) => {
    const image = freshFolder(t);
    const programs = freshFolder(t);
    for (const name of ["prometheus-node-exporter", "vmagent-prod"]) {
      writeFileSync(join(programs, name), "#!/bin/sh\n", { mode: 0o755 });
    }
    assert.equal(install(rendered(t), image, programs).status, 0);
    const startOf = (name: string) =>
      /^ExecStart=(\S+)/m.exec(
        readFileSync(join(image, `etc/systemd/system/sitepass-${name}.service`), "utf8"),
      )?.[1];
    assert.deepEqual(["node-exporter", "vmagent", "cloudflared", "map"].map(startOf), [
      "prometheus-node-exporter",
      "vmagent-prod",
      "cloudflared",
      "node",
    ]);
  });

  it("finishes what a run that was killed has begun", { skip: onlyRoot }, (t) => {
    const folder = rendered(t);
    const image = freshFolder(t);
    mkdirSync(join(image, "etc/sitepass/central"), { recursive: true });
    writeFileSync(join(image, "etc/sitepass/central/.unfinished"), "");
    writeFileSync(join(image, "etc/sitepass/central/.sitepass-new.1"), "half");
    const { status, stdout } = install(folder, image);
    assert.equal(status, 0);
    assert.match(stdout, /^An earlier run was cut short; this one has finished it\.\n/);
    assert.ok(!existsSync(join(image, "etc/sitepass/central/.unfinished")));
    assert.ok(!existsSync(join(image, "etc/sitepass/central/.sitepass-new.1")));
  });
});
