import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { renderRelay, type RelayName } from "./relay";
import { metricsRelay } from "../testing/sites";

const unitsOf = (name: RelayName, directory = "/etc/sitepass"): ReadonlyMap<string, string> =>
  new Map(
    renderRelay(name, { ...metricsRelay, directory })
      .filter(({ path }) => path.startsWith("systemd/"))
      .map(({ path, content }) => [basename(path), content]),
  );

describe("relayUnits", () => {
  it("runs nginx as root with the rights to leave that, and its workers as nobody", () => {
    assert.equal(
      unitsOf("nginx").get("sitepass-relay.service"),
      `# Rendered by sitepass.
[Unit]
Description=sitepass relay (nginx): adds this site's credentials to its pushes
Wants=network-online.target sitepass-relay-reload.path sitepass-relay-reload.timer
After=network-online.target nss-lookup.target
# A site whose line or name server is down for hours still gets its relay back.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=nginx -e stderr -p /run/sitepass-relay -c /etc/sitepass/relay/nginx.conf -g "daemon off;"
# Fails, and leaves the running relay alone, when the new files are not right.
ExecReload=nginx -e stderr -p /run/sitepass-relay -c /etc/sitepass/relay/nginx.conf -t -q
ExecReload=kill -HUP $MAINPID
# Ends after the pushes under way.
KillSignal=SIGQUIT
KillMode=mixed
TimeoutStopSec=35
# The master reads the credentials as root. Workers run as nobody, and need the way to the bodies that they buffer.
RuntimeDirectoryMode=0711
CapabilityBoundingSet=CAP_CHOWN CAP_KILL CAP_SETGID CAP_SETUID
Restart=always
RestartSec=5
RuntimeDirectory=sitepass-relay
UMask=0077
MemoryMax=512M
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
# Netlink is how the system's resolver finds out which addresses the machine has.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`,
    );
  });

  it("runs Caddy as its own user, without any right beyond", () => {
    const [, service = ""] = unitsOf("caddy").get("sitepass-relay.service")?.split("\n\n") ?? [];
    const [, ofNginx = ""] = unitsOf("nginx").get("sitepass-relay.service")?.split("\n\n") ?? [];
    assert.equal(
      service.split("\nRestart=")[0],
      `[Service]
Type=notify
User=caddy
Group=caddy
# Caddy saves its configuration, credentials included, and may do so here alone: in memory.
Environment=XDG_CONFIG_HOME=/run/sitepass-relay XDG_DATA_HOME=/run/sitepass-relay
ExecStart=caddy run --adapter caddyfile --config /etc/sitepass/relay/Caddyfile
# Fails, and leaves the running relay alone, when the new files are not right.
ExecReload=caddy reload --adapter caddyfile --config /etc/sitepass/relay/Caddyfile --address unix//run/sitepass-relay/admin.sock
TimeoutStopSec=35
RuntimeDirectoryMode=0700
CapabilityBoundingSet=`,
    );
    assert.equal(service.split("\nRestart=")[1], ofNginx.split("\nRestart=")[1]);
  });

  it("reloads the relay when its files were replaced, and nginx also from time to time", () => {
    const nginx = unitsOf("nginx");
    assert.deepEqual(
      [...nginx.keys()],
      [
        "sitepass-relay.service",
        "sitepass-relay-reload.service",
        "sitepass-relay-reload.path",
        "sitepass-relay-reload.timer",
      ],
    );
    assert.equal(
      nginx.get("sitepass-relay-reload.service"),
      `# Rendered by sitepass.
[Unit]
Description=Lets the sitepass relay take its files in again
StartLimitIntervalSec=0

[Service]
Type=oneshot
# A name server that is not reached keeps nginx from reloading.
Restart=on-failure
RestartSec=60
# What is installed together is taken in together; a change that comes while this runs would not be noticed.
ExecStartPre=sleep 2
ExecStart=systemctl try-reload-or-restart sitepass-relay.service
`,
    );
    assert.equal(
      nginx.get("sitepass-relay-reload.path"),
      `# Rendered by sitepass.
[Unit]
Description=Watches the files of the sitepass relay
PartOf=sitepass-relay.service

[Path]
# The folders themselves: files and the link to the current credentials are replaced in them, not written to.
PathChanged=/etc/sitepass/relay
PathChanged=/etc/sitepass/relay/credentials
`,
    );
    assert.equal(
      nginx.get("sitepass-relay-reload.timer"),
      `# Rendered by sitepass.
[Unit]
Description=Reloads the sitepass relay now and then
PartOf=sitepass-relay.service

[Timer]
# Looks up Cloudflare's addresses anew. When that fails, those that nginx has stay in use.
OnCalendar=*:0/30
RandomizedDelaySec=10min
`,
    );
    const caddy = unitsOf("caddy");
    assert.equal(caddy.size, 3);
    assert.equal(caddy.get("sitepass-relay-reload.path"), nginx.get("sitepass-relay-reload.path"));
    assert.equal(
      caddy.get("sitepass-relay.service")?.match(/^Wants=.*$/m)?.[0],
      "Wants=network-online.target sitepass-relay-reload.path",
    );
  });

  it("may read a home where it is installed to one", () => {
    const homeOf = (directory: string): string | undefined =>
      unitsOf("nginx", directory)
        .get("sitepass-relay.service")
        ?.match(/^ProtectHome=.*$/m)?.[0];
    assert.deepEqual(["/home/ops/sitepass", "/root/sitepass", "/homes/x"].map(homeOf), [
      "ProtectHome=read-only",
      "ProtectHome=read-only",
      "ProtectHome=yes",
    ]);
  });

  for (const name of ["nginx", "caddy"] as const) {
    const absent = ["systemd-analyze", name].filter(
      (program) => spawnSync(program, ["--version"]).error !== undefined,
    );
    const skip = absent.length === 0 ? undefined : `${absent.join(" and ")} not on PATH`;
    it(`renders units that systemd takes without a word, for ${name}`, { skip }, (t) => {
      const folder = mkdtempSync(join(tmpdir(), "sitepass-units-"));
      t.after(() => {
        rmSync(folder, { recursive: true, force: true });
      });
      mkdirSync(folder, { recursive: true });
      const units = unitsOf(name);
      for (const [file, content] of units) {
        writeFileSync(join(folder, file), content);
      }
      const { status, stdout, stderr } = spawnSync(
        "systemd-analyze",
        ["verify", ...[...units.keys()].map((file) => join(folder, file))],
        { encoding: "utf8" },
      );
      assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    });
  }
});
