import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { CollectorName, RenderedFile } from "../collector";
import pMap from "p-map";
import { runProcess } from "../../local/run/processes";
import type { RelayName } from "../relay/relay";
import { relays } from "../relay/relays";
import { metricsRelay } from "../testing/sites";
import { installScript, type InstalledService } from "./install-script";
import { writeSite } from "../../handover/site-folder";
import { contents as folderContents, readable } from "../../handover/testing/folders";

const secret = (generation: number) => `secret-of-generation-${generation}`;

const prometheus: InstalledService = {
  folder: "prometheus",
  title: "Prometheus",
  unit: "prometheus",
  user: "daemon",
  validator: { program: "promtool", args: ["check", "config", "/etc/sitepass/prometheus/prometheus.yml"] },
  rereadsSecrets: true,
};

const otelcol: InstalledService = {
  ...prometheus,
  folder: "otelcol",
  title: "OpenTelemetry Collector",
  unit: "otelcol-contrib",
  validator: { program: "otelcol-contrib", args: ["validate", "--config", "/etc/site pass/otelcol.yml"] },
  rereadsSecrets: false,
};

const relay: InstalledService = {
  folder: "relay",
  title: "nginx",
  unit: "sitepass-relay",
  user: "root",
  validator: { program: "nginx", args: ["-t"] },
  rereadsSecrets: true,
};

/** A collector's files, with secrets of its own or behind the relay. */
function filesOf({ folder, unit }: InstalledService, behindRelay: boolean, generation = 1): RenderedFile[] {
  const pair = (owner: string): RenderedFile[] => [
    { path: `${owner}/credentials/client_id`, mode: 0o600, content: `id-of-generation-${generation}` },
    { path: `${owner}/credentials/client_secret`, mode: 0o600, content: secret(generation) },
  ];
  return [
    {
      path: `${folder}/config.yml`,
      mode: 0o644,
      content: `reads: ${behindRelay ? "none" : `${folder}/credentials`}\n`,
    },
    { path: `systemd/${unit}.service.d/sitepass.conf`, mode: 0o644, content: "[Service]\n" },
    ...pair(behindRelay ? "relay" : folder),
    ...(behindRelay
      ? ([
          { path: "relay/nginx.conf", mode: 0o644, content: "http {}\n" },
          { path: "systemd/sitepass-relay.service", mode: 0o644, content: "[Service]\n" },
          { path: "systemd/sitepass-relay-reload.path", mode: 0o644, content: "[Path]\n" },
        ] as const)
      : []),
  ];
}

interface Rendering {
  readonly site?: string;
  readonly directory?: string;
  readonly service?: InstalledService;
  readonly behindRelay?: boolean;
  readonly generation?: number;
  readonly authorities?: string;
}

let home = "";
before(() => {
  home = mkdtempSync(join(tmpdir(), "sitepass install "));
  chmodSync(home, 0o755);
});
after(() => {
  rmSync(home, { recursive: true, force: true });
});

let folders = 0;
function freshPath(name: string): string {
  folders += 1;
  return join(home, `${folders}`, name);
}

function scriptOf({ site = "tokyo", directory = "/etc/sitepass", ...rendering }: Rendering): RenderedFile {
  const { service = prometheus, behindRelay = false, generation, authorities } = rendering;
  const content = installScript({
    site,
    directory,
    collector: service.folder as CollectorName,
    services: behindRelay ? [relay, service] : [service],
    relay: behindRelay ? { port: 9480, authorities } : undefined,
    files: filesOf(service, behindRelay, generation),
  });
  return { path: "install.sh", mode: 0o644, content };
}

/** Renders a site's folder as it is handed over. */
function rendered(rendering: Rendering, folder = freshPath("tokyo")): string {
  const { service = prometheus, behindRelay = false, generation } = rendering;
  writeSite(folder, rendering.site ?? "tokyo", [
    ...filesOf(service, behindRelay, generation),
    scriptOf(rendering),
  ]);
  return folder;
}

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function install(folder: string, image: string, args: readonly string[] = []): Run {
  mkdirSync(image, { recursive: true });
  const { status, stdout, stderr } = spawnSync("sh", [join(folder, "install.sh"), ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, DESTDIR: image },
  });
  return { status, stdout, stderr };
}

const contents = (directory: string) => folderContents(directory, "with owners");

const absent = (program: string): boolean => spawnSync(program, ["--version"]).error !== undefined;

const root = process.getuid?.() === 0 ? {} : { skip: "only root can give files away" };

describe("install.sh", () => {
  const scripts = [scriptOf({}), scriptOf({ behindRelay: true }), scriptOf({ directory: "/srv/it's here" })];

  it("is POSIX shell", { skip: absent("dash") && "dash is not installed" }, () => {
    for (const { content } of scripts) {
      assert.deepEqual(spawnSync("dash", ["-n"], { input: content, encoding: "utf8" }).stderr, "");
    }
  });

  it(
    "has nothing that shellcheck finds",
    { skip: absent("shellcheck") && "shellcheck is not installed" },
    () => {
      // The relay's, which has all there can be. A quote in the folder's name would be a false alarm.
      for (const { content } of scripts.slice(1, 2)) {
        const { stdout } = spawnSync("shellcheck", ["--shell=sh", "-"], { input: content, encoding: "utf8" });
        assert.equal(stdout, "");
      }
    },
  );

  it("holds no secret, and is the same after a rotation", () => {
    assert.doesNotMatch(scripts[0]?.content ?? "", /generation/);
    assert.deepEqual(scriptOf({ generation: 2 }), scriptOf({ generation: 1 }));
  });

  it("gives secrets to the collector's user, and all else to root", root, () => {
    const image = freshPath("image");
    const { status, stdout, stderr } = install(rendered({}), image);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.deepEqual(contents(image), {
      etc: "755 0:0",
      "etc/sitepass": "755 0:0",
      "etc/sitepass/.installed-prometheus": `644 0:0 site tokyo
prometheus/config.yml
prometheus/credentials/client_id
prometheus/credentials/client_secret
systemd/prometheus.service.d/sitepass.conf
`,
      "etc/sitepass/.lock": "644 0:0 ",
      "etc/sitepass/prometheus": "755 0:0",
      "etc/sitepass/prometheus/config.yml": "644 0:0 reads: prometheus/credentials\n",
      "etc/sitepass/prometheus/credentials": "750 0:1",
      "etc/sitepass/prometheus/credentials/..data": "-> ..set",
      "etc/sitepass/prometheus/credentials/..set": "750 0:1",
      "etc/sitepass/prometheus/credentials/..set/client_id": "600 1:1 id-of-generation-1",
      "etc/sitepass/prometheus/credentials/..set/client_secret": `600 1:1 ${secret(1)}`,
      "etc/sitepass/prometheus/credentials/client_id": "-> ..data/client_id",
      "etc/sitepass/prometheus/credentials/client_secret": "-> ..data/client_secret",
      "etc/systemd": "755 0:0",
      "etc/systemd/system": "755 0:0",
      "etc/systemd/system/prometheus.service.d": "755 0:0",
      "etc/systemd/system/prometheus.service.d/sitepass.conf": "644 0:0 [Service]\n",
    });
    assert.equal(
      stdout,
      `tokyo, prometheus:
  replaced the secrets in ${image}/etc/sitepass/prometheus/credentials
  wrote ${image}/etc/sitepass/prometheus/config.yml
  wrote ${image}/etc/systemd/system/prometheus.service.d/sitepass.conf
`,
    );
  });

  it("changes nothing when it is run again, and only the secrets after a rotation", root, () => {
    const image = freshPath("image");
    const folder = rendered({});
    install(folder, image);
    const times = () =>
      Object.fromEntries(
        Object.keys(contents(image))
          .filter((path) => !path.includes("..") && lstatSync(join(image, path)).isFile())
          .map((path) => [path, lstatSync(join(image, path)).mtimeMs]),
      );
    const before = { contents: contents(image), times: times() };
    assert.deepEqual(install(folder, image), {
      status: 0,
      stdout: "tokyo: all of prometheus was in place already.\n",
      stderr: "",
    });
    assert.deepEqual({ contents: contents(image), times: times() }, before);

    rendered({ generation: 2 }, folder);
    assert.deepEqual(install(folder, image), {
      status: 0,
      stdout: `tokyo, prometheus:\n  replaced the secrets in ${image}/etc/sitepass/prometheus/credentials\n`,
      stderr: "",
    });
    assert.deepEqual(contents(image), {
      ...before.contents,
      "etc/sitepass/prometheus/credentials/..set/client_id": "600 1:1 id-of-generation-2",
      "etc/sitepass/prometheus/credentials/..set/client_secret": `600 1:1 ${secret(2)}`,
    });
  });

  it("takes secrets as plain files too, from a copy that followed the links", root, () => {
    const [image, other] = [freshPath("image"), freshPath("image")];
    const folder = rendered({});
    const copy = freshPath("copy");
    cpSync(folder, copy, { recursive: true, dereference: true });
    install(folder, image);
    assert.equal(install(copy, other).status, 0);
    assert.deepEqual(contents(other), contents(image));
  });

  it("makes a set of secrets that were put there by hand", root, () => {
    const [image, clean] = [freshPath("image"), freshPath("image")];
    install(rendered({ generation: 2 }), clean);
    const folder = join(image, "etc/sitepass/prometheus");
    mkdirSync(dirname(folder), { recursive: true });
    cpSync(join(rendered({}), "prometheus"), folder, { recursive: true, dereference: true });
    assert.equal(install(rendered({ generation: 2 }), image).status, 0);
    assert.deepEqual(contents(image), contents(clean));
  });

  it("installs to a path with spaces and quotes", root, () => {
    const image = freshPath("image");
    const directory = "/srv/it's here";
    assert.equal(install(rendered({ directory }), image).stderr, "");
    assert.equal(readable(join(image, directory, "prometheus/credentials/client_secret")), secret(1));
  });

  it("removes what the same collector does not have any more, with its secrets", root, () => {
    const [image, clean] = [freshPath("image"), freshPath("image")];
    const folder = rendered({ behindRelay: true });
    install(folder, image);
    install(rendered({}), clean);
    assert.equal(readable(join(image, "etc/sitepass/relay/credentials/client_secret")), secret(1));
    const { stdout } = install(rendered({}, folder), image);
    assert.deepEqual(contents(image), contents(clean));
    assert.deepEqual(
      stdout.split("\n").filter((line) => line.includes("removed")),
      [
        `  removed ${image}/etc/sitepass/relay/nginx.conf`,
        `  removed ${image}/etc/systemd/system/sitepass-relay-reload.path`,
        `  removed ${image}/etc/systemd/system/sitepass-relay.service`,
        `  removed ${image}/etc/sitepass/relay/credentials/client_id`,
        `  removed ${image}/etc/sitepass/relay/credentials/client_secret`,
      ],
    );
  });
});

/** Why systemd's folder cannot be another one for a test: only a mount namespace of its own lets it. */
const namespace =
  spawnSync("unshare", ["--mount", "true"]).status === 0
    ? {}
    : { skip: "no mount namespace can be made here" };

describe("install.sh on a machine with systemd", () => {
  /** Runs it with folders of its own as /etc/systemd/system and /run, and a systemctl that writes down what it is told. */
  const installHere = (
    folder: string,
    machine: string,
    args: readonly string[] = [],
    programs: Readonly<Record<string, string>> = {},
  ) => {
    mkdirSync(join(machine, "units"), { recursive: true });
    mkdirSync(join(machine, "run/systemd/system"), { recursive: true });
    mkdirSync(join(machine, "bin"), { recursive: true });
    const calls = join(machine, "calls");
    writeFileSync(calls, "");
    writeFileSync(join(machine, "bin/systemctl"), `#!/bin/sh\necho "$*" >>"$CALLS"\n`, { mode: 0o755 });
    for (const [program, prints] of Object.entries(programs)) {
      writeFileSync(join(machine, "bin", program), `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 });
    }
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      [
        ...["--mount", "sh", "-euc"],
        `mount --bind "$MACHINE/units" /etc/systemd/system
        mount --bind "$MACHINE/run" /run
        exec sh "$0" "$@"`,
        join(folder, "install.sh"),
        ...args,
      ],
      {
        encoding: "utf8",
        env: {
          PATH: `${join(machine, "bin")}${delimiter}${process.env.PATH ?? ""}`,
          MACHINE: machine,
          CALLS: calls,
        },
      },
    );
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    return { stdout, calls: readFileSync(calls, "utf8") };
  };

  it(
    "tells systemd of new units and the person what to do, and neither when nothing is to be done",
    namespace,
    () => {
      const machine = freshPath("machine");
      const directory = join(machine, "etc/sitepass");
      const folder = rendered({ directory, behindRelay: true });
      assert.deepEqual(installHere(folder, machine), {
        calls: "daemon-reload\n",
        stdout: `tokyo, prometheus:
  replaced the secrets in ${directory}/relay/credentials
  wrote ${directory}/prometheus/config.yml
  wrote /etc/systemd/system/prometheus.service.d/sitepass.conf
  wrote ${directory}/relay/nginx.conf
  wrote /etc/systemd/system/sitepass-relay.service
  wrote /etc/systemd/system/sitepass-relay-reload.path
Next, check and start. A collector that is restarted may lose what it has not sent yet:
  sudo nginx -t
  sudo promtool check config /etc/sitepass/prometheus/prometheus.yml
  sudo systemctl enable sitepass-relay prometheus && sudo systemctl restart sitepass-relay prometheus
`,
      });
      assert.deepEqual(installHere(folder, machine), {
        calls: "",
        stdout: "tokyo: all of prometheus was in place already.\n",
      });
      rendered({ directory, behindRelay: true, generation: 2 }, folder);
      assert.deepEqual(installHere(folder, machine), {
        calls: "",
        stdout: `tokyo, prometheus:
  replaced the secrets in ${directory}/relay/credentials
sitepass-relay takes the new secret by itself: leave it running.
`,
      });
      rendered({ directory, generation: 2 }, folder);
      assert.deepEqual(installHere(folder, machine), {
        calls: `disable --quiet -- sitepass-relay-reload.path
disable --quiet -- sitepass-relay.service
daemon-reload
`,
        stdout: `tokyo, prometheus:
  replaced the secrets in ${directory}/prometheus/credentials
  wrote ${directory}/prometheus/config.yml
  removed ${directory}/relay/nginx.conf
  removed /etc/systemd/system/sitepass-relay-reload.path
  removed /etc/systemd/system/sitepass-relay.service
  removed ${directory}/relay/credentials/client_id
  removed ${directory}/relay/credentials/client_secret
Next, check and start. A collector that is restarted may lose what it has not sent yet:
  sudo promtool check config /etc/sitepass/prometheus/prometheus.yml
  sudo systemctl enable prometheus && sudo systemctl restart prometheus
Then stop what is not used any more:
  sudo systemctl stop sitepass-relay-reload.path sitepass-relay.service
`,
      });
    },
  );

  it("puts the one relay in the place of the other, in the same unit", namespace, () => {
    const machine = freshPath("machine");
    const directory = join(machine, "etc/sitepass");
    const folder = freshPath("tokyo");
    const behind = (name: RelayName): string => {
      const service = { ...relays[name].service(directory), user: "daemon", folder: "relay", title: name };
      const files = [
        ...filesOf(prometheus, true).filter(({ path }) => path.includes("prometheus")),
        ...relays[name].render({ ...metricsRelay, directory }),
      ];
      const content = installScript({
        site: "tokyo",
        directory,
        collector: "prometheus",
        services: [service, prometheus],
        relay: { port: 9480, authorities: undefined },
        files,
      });
      writeSite(folder, "tokyo", [...files, { path: "install.sh", mode: 0o644, content }]);
      return installHere(folder, machine).stdout;
    };
    const relayFiles = () => [
      ...readdirSync(join(directory, "relay")).sort(),
      ...readdirSync(join(directory, "relay/credentials"))
        .filter((name) => !name.startsWith(".."))
        .sort(),
      ...readdirSync(join(machine, "units")).sort(),
    ];
    const units = ["prometheus.service.d", "sitepass-relay-reload.path", "sitepass-relay-reload.service"];
    const nginxFiles = [
      ...["check.conf", "credentials", "nginx.conf", "steps.conf", "access.conf", ...units],
      ...["sitepass-relay-reload.timer", "sitepass-relay.service"],
    ];
    const caddyFiles = ["Caddyfile", "credentials", "access.caddy", ...units, "sitepass-relay.service"];

    behind("nginx");
    assert.deepEqual(relayFiles(), nginxFiles);
    // The collector pushes to the same port: it is left running.
    const restart = "  sudo systemctl enable sitepass-relay && sudo systemctl restart sitepass-relay\n";
    const stop = "Then stop what is not used any more:\n  sudo systemctl stop sitepass-relay-reload.timer\n";
    const toCaddy = behind("caddy");
    assert.deepEqual(relayFiles(), caddyFiles);
    assert.ok(toCaddy.endsWith(restart + stop), toCaddy);
    const toNginx = behind("nginx");
    assert.deepEqual(relayFiles(), nginxFiles);
    assert.ok(toNginx.endsWith(restart), toNginx);
  });

  it("says what SELinux and the authorities' place ask for, as long as they do", namespace, () => {
    const machine = freshPath("machine");
    const directory = join(machine, "etc/sitepass");
    const folder = rendered({ directory, behindRelay: true, authorities: join(machine, "no-bundle.crt") });
    const enforcing = { getenforce: "Enforcing", getsebool: "httpd_can_network_connect --> off" };
    const selinux = `SELinux is at work here, and lets the relay neither listen on port 9480 nor connect. Once, before it starts:
  sudo semanage port -a -t http_port_t -p tcp 9480 || sudo semanage port -m -t http_port_t -p tcp 9480
  sudo setsebool -P httpd_can_network_connect on
The program semanage is in the package policycoreutils-python-utils.
Next, check and start.`;
    const { stdout } = installHere(folder, machine, [], {
      ...enforcing,
      semanage: "http_port_t                    tcp      80, 81, 443, 94800, 9000",
    });
    assert.ok(stdout.includes(selinux), stdout);
    const bundle = existsSync("/etc/ssl/cert.pem") || existsSync("/etc/pki/tls/certs/ca-bundle.crt");
    assert.equal(/^ {2}sudo ln -s \S+ \S+\/no-bundle\.crt$/m.test(stdout), bundle);
    writeFileSync(join(folder, "systemd/sitepass-relay.service"), "[Service]\n# new\n");
    assert.ok(
      installHere(folder, machine, [], { ...enforcing, getenforce: "Permissive" }).stdout.includes(
        "systemctl restart sitepass-relay",
      ),
    );
    writeFileSync(join(folder, "systemd/sitepass-relay.service"), "[Service]\n# newer\n");
    const allowed = installHere(folder, machine, [], {
      getenforce: "Enforcing",
      getsebool: "httpd_can_network_connect --> on",
      semanage: "http_port_t                    tcp      9480, 80, 81",
    });
    assert.ok(allowed.stdout.includes("systemctl restart sitepass-relay"), allowed.stdout);
    assert.ok(!allowed.stdout.includes("SELinux"), allowed.stdout);
  });

  it(
    "asks for a restart after a rotation where the collector needs one, and says how to stop what is removed",
    namespace,
    () => {
      const machine = freshPath("machine");
      const directory = join(machine, "etc/sitepass");
      const folder = rendered({ directory, service: otelcol });
      installHere(folder, machine);
      rendered({ directory, service: otelcol, generation: 2 }, folder);
      assert.deepEqual(installHere(folder, machine), {
        calls: "",
        stdout: `tokyo, otelcol:
  replaced the secrets in ${directory}/otelcol/credentials
Next, check and start. A collector that is restarted may lose what it has not sent yet:
  sudo otelcol-contrib validate --config '/etc/site pass/otelcol.yml'
  sudo systemctl enable otelcol-contrib && sudo systemctl restart otelcol-contrib
`,
      });
      assert.deepEqual(installHere(folder, machine, ["--remove", "otelcol"]), {
        calls: "daemon-reload\n",
        stdout: `tokyo, otelcol:
  removed ${directory}/otelcol/config.yml
  removed /etc/systemd/system/otelcol-contrib.service.d/sitepass.conf
  removed ${directory}/otelcol/credentials/client_id
  removed ${directory}/otelcol/credentials/client_secret
When it is started again, this runs what its package came with. If it is not used any more:
  sudo systemctl disable --now otelcol-contrib
`,
      });
      assert.deepEqual(readdirSync(directory), [".lock"]);
    },
  );
});

describe("install.sh refuses", () => {
  /** Runs it where it must change nothing. */
  const refused = (folder: string, image: string, args?: readonly string[]) => {
    mkdirSync(image, { recursive: true });
    const before = contents(image);
    const { status, stdout, stderr } = install(folder, image, args);
    assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    assert.deepEqual(contents(image), before);
    return stderr;
  };

  it("whoever is not root", root, () => {
    const script = freshPath("install.sh");
    mkdirSync(dirname(script), { recursive: true });
    writeFileSync(script, scriptOf({}).content);
    const { status, stderr } = spawnSync("sh", [script], { encoding: "utf8", uid: 65534, gid: 65534 });
    assert.deepEqual(
      { status, stderr },
      {
        status: 1,
        stderr:
          "install.sh: needs to be root, to give files to the collector's user. Run: sudo sh install.sh\n",
      },
    );
  });

  it("a machine without the collector's user", root, () => {
    const service = { ...prometheus, user: "no-such-user" };
    assert.equal(
      refused(rendered({ service }), freshPath("image")),
      "install.sh: there is no user no-such-user on this machine. Install Prometheus, whose package makes it, and run this again. Nothing was changed.\n",
    );
  });

  it("a copy that is not whole", root, () => {
    const folder = rendered({});
    rmSync(join(folder, "prometheus/credentials/client_id"));
    assert.equal(
      refused(folder, freshPath("image")),
      `install.sh: ${folder}/prometheus/credentials/client_id is missing. Copy the whole folder again. Nothing was changed.\n`,
    );
  });

  it("an install folder that is somebody else's, that others may change, or that is a link", root, () => {
    const prepared = (make: (directory: string) => void): [image: string, directory: string] => {
      const image = freshPath("image");
      const directory = join(image, "etc/sitepass");
      mkdirSync(dirname(directory), { recursive: true });
      make(directory);
      return [image, directory];
    };
    const again = "and run this again. Nothing was changed.\n";
    const [foreign, itsFolder] = prepared((directory) => {
      mkdirSync(directory);
      chownSync(directory, 4321, 4321);
      // Where root would have made a file.
      symlinkSync("/etc/sitepass-was-led-astray", join(directory, ".lock"));
    });
    assert.equal(
      refused(rendered({}), foreign),
      `install.sh: ${itsFolder} belongs to user 4321, who can lead root astray in it. Look what is in it, run: chown root: ${itsFolder}, ${again}`,
    );
    for (const mode of [0o775, 0o757, 0o1777]) {
      const [open, openFolder] = prepared((directory) => {
        mkdirSync(directory);
        chmodSync(directory, mode);
      });
      assert.equal(
        refused(rendered({}), open),
        `install.sh: ${openFolder} may be changed by others than root. Look what is in it, run: chmod go-w ${openFolder}, ${again}`,
      );
    }
    const [linked, link] = prepared((directory) => {
      mkdirSync(`${directory}-elsewhere`);
      symlinkSync(`${directory}-elsewhere`, directory);
    });
    assert.equal(
      refused(rendered({}), linked),
      `install.sh: ${link} is not a folder. Look what it is, move it away, ${again}`,
    );
    const [inner, outer] = prepared((directory) => {
      mkdirSync(join(directory, "prometheus"), { recursive: true });
      symlinkSync("/tmp", join(directory, "prometheus/credentials"));
    });
    assert.equal(
      refused(rendered({}), inner),
      `install.sh: ${outer}/prometheus/credentials is not a folder. Look what it is, move it away, ${again}`,
    );
    const [above, below] = prepared((directory) => {
      chownSync(dirname(directory), 4321, 4321);
    });
    assert.equal(
      refused(rendered({}), above),
      `install.sh: ${dirname(below)} belongs to user 4321, who can lead root astray below it. Render with another --install-dir, such as /etc/sitepass. Nothing was changed.\n`,
    );
  });

  it("the machine of another site", root, () => {
    const image = freshPath("image");
    install(rendered({ site: "osaka" }), image);
    assert.equal(
      refused(rendered({}), image),
      `install.sh: ${image}/etc/sitepass holds the files of site osaka, and these are of site tokyo. Render them with another --install-dir, or remove ${image}/etc/sitepass/.installed-prometheus if that site is gone. Nothing was changed.\n`,
    );
  });

  it("a record that leads elsewhere", root, () => {
    const image = freshPath("image");
    install(rendered({}), image);
    writeFileSync(join(image, "etc/sitepass/.installed-prometheus"), "site tokyo\n../../etc/passwd\n");
    assert.equal(
      refused(rendered({}), image),
      `install.sh: ${image}/etc/sitepass/.installed-prometheus is not as install.sh wrote it. Remove it, and run this again. Nothing was changed.\n`,
    );
  });

  it("to install from the folder that it installs to", root, () => {
    const image = freshPath("image");
    const folder = rendered({}, join(image, "etc/sitepass"));
    assert.equal(
      refused(folder, image),
      `install.sh: lies in ${folder} itself, where it is to install to. Move this folder to another place first. Nothing was changed.\n`,
    );
  });

  it("what it does not know", root, () => {
    const image = freshPath("image");
    const folder = rendered({});
    assert.equal(
      refused(folder, image, ["--help"]),
      "install.sh: takes no argument but --remove. Run: sudo sh install.sh\n",
    );
    assert.equal(
      refused(folder, image, ["--remove", "../x"]),
      "install.sh: --remove takes the name of a collector, as in: sudo sh install.sh --remove prometheus\n",
    );
    assert.equal(
      refused(folder, image, ["--remove", "alloy"]),
      `install.sh: ${image}/etc/sitepass holds no installation of alloy. There is nothing to remove.\n`,
    );
  });

  it(
    "a second run at the same time",
    { ...root, ...(absent("flock") ? { skip: "flock is not installed" } : {}) },
    () => {
      const image = freshPath("image");
      const folder = rendered({});
      install(folder, image);
      const lock = join(image, "etc/sitepass/.lock");
      const { status, stderr } = spawnSync("flock", [lock, "sh", join(folder, "install.sh")], {
        encoding: "utf8",
        env: { PATH: process.env.PATH, DESTDIR: image },
      });
      assert.deepEqual(
        { status, stderr },
        {
          status: 1,
          stderr: `install.sh: another run is at work in ${image}/etc/sitepass. Wait until it is done.\n`,
        },
      );
    },
  );
});

/** The programs by which install.sh changes what is where. */
const changing = ["cat", "ln", "mkdir", "mv", "rm", "rmdir"] as const;

/** Programs of these names that count their calls, and kill the shell that calls them at one of these. */
function countingPrograms(): string {
  const folder = freshPath("bin");
  mkdirSync(folder, { recursive: true });
  for (const program of changing) {
    const real = spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
    const script = `#!/bin/sh
read -r count <"$COUNT_FILE"
count=$((count + 1))
echo $count >"$COUNT_FILE"
[ $count -ne "$KILL_AT" ] || kill -9 $PPID
exec ${real} "$@"
`;
    writeFileSync(join(folder, program), script, { mode: 0o755 });
  }
  return folder;
}

/** @returns how many of the calls there were. */
async function installAndKill(folder: string, image: string, programs: string, at: number): Promise<number> {
  const countFile = `${image}-count`;
  writeFileSync(countFile, "0\n");
  await runProcess("sh", [join(folder, "install.sh")], {
    cwd: "/",
    environment: {
      PATH: `${programs}${delimiter}${process.env.PATH ?? ""}`,
      DESTDIR: image,
      COUNT_FILE: countFile,
      KILL_AT: `${at}`,
    },
  });
  return Number(readFileSync(countFile, "utf8"));
}

describe("install.sh that is killed", () => {
  const cases = [
    { name: "after a rotation", from: {}, to: { generation: 2 } },
    { name: "while it brings the relay in", from: {}, to: { behindRelay: true, generation: 2 } },
    { name: "while it takes the relay away", from: { behindRelay: true }, to: { generation: 2 } },
  ];
  for (const { name, from, to } of cases) {
    it(`${name} leaves secrets that belong together, and the next run finishes it`, root, async () => {
      const template = freshPath("image");
      const folder = rendered(from);
      install(folder, template);
      rendered(to, folder);
      const startOver = () => {
        const image = freshPath("image");
        cpSync(template, image, { recursive: true, verbatimSymlinks: true });
        return image;
      };
      const programs = countingPrograms();
      const clean = startOver();
      const calls = await installAndKill(folder, clean, programs, 0);
      assert.ok(calls >= 8);
      const killAt = async (call: number): Promise<boolean> => {
        const image = startOver();
        assert.equal(await installAndKill(folder, image, programs, call), call);
        for (const owner of ["prometheus", "relay"]) {
          const [id, key] = ["client_id", "client_secret"].map((file) =>
            readable(join(image, "etc/sitepass", owner, "credentials", file)),
          );
          // What is missing makes collectors try again.
          assert.ok(
            id === undefined || key === undefined || id.at(-1) === key.at(-1),
            `${owner} finds ${id ?? ""} with ${key ?? ""} at call ${call}`,
          );
        }
        const config = readable(join(image, "etc/sitepass/prometheus/config.yml"));
        assert.ok(
          config === "reads: none\n" ||
            existsSync(join(image, "etc/sitepass/prometheus/credentials/client_secret")),
          `the configuration names what is not there at call ${call}`,
        );
        const { exitCode, stdout, stderr } = await runProcess("sh", [join(folder, "install.sh")], {
          cwd: "/",
          environment: { DESTDIR: image },
        });
        assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
        assert.deepEqual(contents(image), contents(clean), `at call ${call}`);
        return stdout.includes("An earlier run was cut short; this one has finished it.");
      };
      const finished = await pMap(
        Array.from({ length: calls }, (_, index) => index + 1),
        killAt,
        { concurrency: 3 },
      );
      // All but those before the first change, and the last, which is after the report.
      assert.ok(finished.filter(Boolean).length >= calls / 2);
    });
  }
});
