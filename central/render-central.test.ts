import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { problemText, UserError } from "../fleet/problem";
import { centralFolder, writeFolder } from "../handover/rendered-folder";
import { writeSite } from "../handover/site-folder";
import { contents, freshFolder } from "../handover/testing/folders";
import type { OpenStack } from "../stack/open-stack";
import type { CentralHost, SecretName } from "./central-host";
import { ensureKeyFiles } from "./gate/access-keys";
import { renderCentral, type CentralOptions } from "./render-central";
import { throwUnlessRendered } from "./gate/rendered-gate";
import { exampleHost } from "./testing/central-hosts";

const token = "the-token-of-the-tunnel";

/** A stack that was brought up, of which only the outputs are asked. */
function stackWith(tunnelToken: string | undefined): OpenStack {
  const no = () => Promise.reject(new Error("is not asked"));
  return {
    directory: "/project",
    stackName: "prod",
    raw: {},
    // Nothing of it is read.
    config: {} as OpenStack["config"],
    sites: [],
    elsewhere: [],
    ownPrefix: "",
    outputs: () =>
      Promise.resolve({ sites: {}, endpoints: {}, ...(tunnelToken === undefined ? {} : { tunnelToken }) }),
    resources: no,
    exportState: no,
    cloudflareApi: no,
  };
}

interface Rendering extends Partial<CentralOptions> {
  readonly changes?: Partial<CentralHost>;
  readonly tunnelToken?: string | undefined;
}

function render(out: string, { changes = {}, ...rest }: Rendering = {}) {
  const { tunnelToken, ...options } = { tunnelToken: token as string | undefined, ...rest };
  return renderCentral(
    [stackWith(tunnelToken)],
    { out, as: "compose", checkout: "/srv/sitepass", ...options },
    (_stack, secrets) => Promise.resolve(exampleHost({ secrets, ...changes })),
  );
}

const newFolder = (t: TestContext): string => join(freshFolder(t), "central-host");

const refusal = async (work: Promise<unknown>): Promise<readonly string[]> => {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.problems.map(problemText);
  }
  return [];
};

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("rendering a central host", () => {
  it("lets programs read configuration, and nobody else secrets, sockets and data", async (t) => {
    const out = newFolder(t);
    const { central, warnings } = await render(out);
    for (const path of central.written) {
      assert.equal(modeOf(join(out, path)), path.startsWith("credentials/") ? 0o600 : 0o644, path);
    }
    assert.deepEqual(
      Object.fromEntries(
        ["", "systemd", "credentials", "run", "textfiles", "data/prometheus", "gate", "gate/keys"].map(
          (path) => [path, modeOf(join(out, path)).toString(8)],
        ),
      ),
      {
        "": "755",
        systemd: "755",
        credentials: "700",
        run: "700",
        textfiles: "755",
        "data/prometheus": "700",
        gate: "755",
        "gate/keys": "755",
      },
    );
    assert.deepEqual(
      warnings.map(problemText).filter((text) => !text.includes("belongs to root")),
      [],
    );
  });

  it("keeps the password that Grafana knows, also while the gate alone is rendered", async (t) => {
    const out = newFolder(t);
    const password = () => readFileSync(join(out, "credentials/grafana-password"), "utf8");
    const store = { url: new URL("http://store.example.com/api/v1/push"), takesExtraLabel: false };
    const changes = { ownStores: { metrics: store, logs: store } };
    await render(out, { changes });
    const first = password();
    await render(out, { changes, only: "gate" });
    assert.equal(password(), first);
    await render(out, { changes });
    assert.equal(password(), first);
    const alone = newFolder(t);
    await render(alone, { changes, only: "gate" });
    assert.ok(!existsSync(join(alone, "credentials/grafana-password")));
  });

  it("keeps secrets out of every other file", async (t) => {
    const out = newFolder(t);
    for (const as of ["compose", "systemd"] as const) {
      const { central } = await render(out, { as });
      const password = readFileSync(join(out, "credentials/grafana-password"), "utf8");
      assert.match(password, /^[\w-]{32}$/);
      assert.equal(readFileSync(join(out, "credentials/tunnel-token"), "utf8"), token);
      for (const path of [...central.written, ...central.unchanged, ".sitepass.json"]) {
        if (!path.startsWith("credentials/")) {
          const text = readFileSync(join(out, path), "utf8");
          assert.ok(!text.includes(token) && !text.includes(password), path);
        }
      }
    }
  });

  it("writes the same bytes twice, and says that nothing is to be done", async (t) => {
    const out = newFolder(t);
    await render(out);
    const before = contents(out);
    const { central } = await render(out);
    assert.deepEqual(contents(out), before);
    assert.deepEqual([central.written, central.removed], [[], []]);
    assert.deepEqual(
      central.next.filter((step) => !step.includes("central keys")),
      [],
    );
  });

  it("makes Grafana's password once, and follows the tunnel's token", async (t) => {
    const out = newFolder(t);
    await render(out);
    const password = readFileSync(join(out, "credentials/grafana-password"), "utf8");
    const { central } = await render(out, { tunnelToken: "another" });
    assert.deepEqual(central.written, ["credentials/tunnel-token"]);
    assert.equal(readFileSync(join(out, "credentials/tunnel-token"), "utf8"), "another");
    assert.equal(readFileSync(join(out, "credentials/grafana-password"), "utf8"), password);
  });

  it("leaves what a person put there, and takes their secrets into account", async (t) => {
    const out = newFolder(t);
    await render(out);
    writeFileSync(join(out, "compose.override.yaml"), "services: {}\n");
    writeFileSync(join(out, "credentials/heartbeat-url"), "https://hc.example.com/1\n", { mode: 0o600 });
    writeFileSync(join(out, "credentials/alert-url"), "\n", { mode: 0o644 });
    chmodSync(join(out, "credentials/alert-url"), 0o644);
    mkdirSync(join(out, "data/loki/chunks"), { recursive: true });
    let given: ReadonlySet<SecretName> = new Set();
    const { warnings } = await renderCentral(
      [stackWith(token)],
      { out, as: "compose", checkout: "/srv/sitepass" },
      (_stack, secrets) => {
        given = secrets;
        return Promise.resolve(exampleHost({ secrets }));
      },
    );
    assert.deepEqual([...given].sort(), ["grafana-password", "heartbeat-url", "tunnel-token"]);
    assert.equal(readFileSync(join(out, "compose.override.yaml"), "utf8"), "services: {}\n");
    assert.equal(readFileSync(join(out, "credentials/heartbeat-url"), "utf8"), "https://hc.example.com/1\n");
    assert.ok(existsSync(join(out, "data/loki/chunks")));
    assert.deepEqual(
      warnings.map(problemText).filter((text) => text.includes("alert-url")),
      [
        `${out}/credentials/alert-url: is empty, and is left out of the configuration. Put the secret in and render again, or delete the file.`,
        `${out}/credentials/alert-url: may be read by others (mode 644). Run \`chmod 600\` on it.`,
      ],
    );
  });

  it("leaves a password that a person put there before the first rendering", async (t) => {
    const out = newFolder(t);
    await render(out);
    rmSync(join(out, "credentials/grafana-password"));
    // As if it had never been made here.
    const manifest = join(out, ".sitepass.json");
    writeFileSync(
      manifest,
      readFileSync(manifest, "utf8").replace('    "credentials/grafana-password",\n', ""),
    );
    writeFileSync(join(out, "credentials/grafana-password"), "mine", { mode: 0o600 });
    await render(out);
    assert.equal(readFileSync(join(out, "credentials/grafana-password"), "utf8"), "mine");
  });

  it("changes nothing when it fails, secrets least of all", async (t) => {
    const out = newFolder(t);
    await render(out);
    const before = contents(out);
    await assert.rejects(
      renderCentral([stackWith(token)], { out, as: "compose", checkout: "/srv/sitepass" }, () =>
        Promise.reject(new UserError({ subject: "stack prod", says: "is not there", todo: "Wait" })),
      ),
      UserError,
    );
    await refusal(render(out, { changes: { identity: "off" }, only: "gate" }));
    assert.deepEqual(contents(out), before);
    rmSync(join(out, "compose.yaml"));
    mkdirSync(join(out, "compose.yaml"));
    const inTheWay = contents(out);
    assert.deepEqual(await refusal(render(out, { tunnelToken: "another" })), [
      `${out}/compose.yaml: was not made by sitepass, and a rendered file belongs there. Move it away.`,
    ]);
    assert.deepEqual(contents(out), inTheWay);
  });

  it("writes of a new site what has to know of it, and nothing else", async (t) => {
    const out = newFolder(t);
    await render(out);
    const sites = [
      ...exampleHost().sites,
      {
        name: "ueno",
        clientId: "44444444444444444444444444444444.access",
        signals: ["metrics"] as const,
        enabled: true,
      },
    ];
    const { central } = await render(out, { changes: { sites } });
    // The map, what is expected to push, and dashboards with a list of sites.
    assert.deepEqual(
      central.written.filter((path) => !/^(?:gate\/sites\.map$|prometheus\/|loki\/|grafana\/)/.test(path)),
      [],
    );
    assert.ok(!central.next.some((step) => / up |restart gate|USR2/.test(step)), central.next.join("\n"));
  });

  it("goes from one packaging to the other, and leaves nothing of the first", async (t) => {
    const out = newFolder(t);
    await render(out);
    const { central } = await render(out, { as: "systemd" });
    assert.ok(central.removed.includes("compose.yaml") && central.removed.includes(".env"));
    assert.ok(central.written.includes("install.sh"));
    assert.ok(central.next.includes(`sudo sh ${out}/install.sh`));
  });

  it("says how to stop what runs by the way that it was rendered for before", async (t) => {
    const out = newFolder(t);
    const said = async (rendering: Rendering): Promise<readonly string[]> =>
      (await render(out, rendering)).warnings
        .map(problemText)
        .filter((text) => text.includes("was rendered for"));
    assert.deepEqual(await said({}), []);
    assert.deepEqual(await said({}), []);
    assert.deepEqual(await said({ as: "systemd" }), [
      `${out}: was rendered for Docker Compose before, and its containers go on running, with their ports and their data. Stop them before install.sh with \`docker compose --project-name sitepass-prod down\`.`,
    ]);
    assert.deepEqual(await said({ as: "systemd" }), []);
    const [back = "", ...more] = await said({});
    assert.deepEqual(more, []);
    assert.match(
      back,
      /goes on running, with its ports and its data\. Stop it before the containers with `sudo systemctl disable --now (?:sitepass-[a-z-]+\.service ?)+`\.$/,
    );
    assert.ok(back.includes("sitepass-prometheus.service") && !back.includes("sitepass-map"), back);
  });

  it("has what the gate alone does not need stopped by what comes next", async (t) => {
    const out = newFolder(t);
    const store = { url: new URL("http://store.example.com/api/v1/push"), takesExtraLabel: false };
    const changes = { ownStores: { metrics: store, logs: store } };
    await render(out, { changes });
    const { central } = await render(out, { changes, only: "gate" });
    assert.ok(
      central.next.includes(`docker compose --project-directory ${out} up --detach --remove-orphans`),
    );
  });

  it("says what comes first in a new folder, and what changed files need", async (t) => {
    const out = newFolder(t);
    const { central } = await render(out);
    assert.deepEqual(central.next, [
      `npx sitepass central keys --out ${out}`,
      `docker compose --project-directory ${out} up --detach --remove-orphans`,
    ]);
    writeFileSync(join(out, "gate/keys/key-ids.map"), "kid 1\n");
    rmSync(join(out, "compose.yaml"));
    assert.deepEqual((await render(out)).central.next, [
      `docker compose --project-directory ${out} up --detach --remove-orphans`,
    ]);
  });
});

describe("the folder of a central host", () => {
  it("is never taken for a site's, nor the other way round", async (t) => {
    const out = newFolder(t);
    writeSite(out, "tokyo", [{ path: "README.md", mode: 0o644, content: "# tokyo\n" }]);
    const before = contents(out);
    assert.deepEqual(await refusal(render(out)), [
      `${out}: holds the files of site tokyo. Move it away, or name another place with --out.`,
    ]);
    assert.deepEqual(contents(out), before);
    const other = newFolder(t);
    await render(other);
    assert.throws(
      () => writeSite(other, "tokyo", []),
      (error: unknown) =>
        error instanceof UserError &&
        error.message ===
          `${other}: holds the files of the central host of stack prod. Move it away, or name another place with --out.`,
    );
    assert.deepEqual(await refusal(render(other, { changes: { stackName: "dev" } })), [
      `${other}: holds the files of the central host of stack prod. Move it away, or name another place with --out.`,
    ]);
  });

  it("is refused where it holds something else, such as this project's source", async (t) => {
    const out = newFolder(t);
    mkdirSync(out);
    writeFileSync(join(out, "programs.ts"), "");
    assert.deepEqual(await refusal(render(out)), [
      `${out}: holds programs.ts, and no .sitepass.json says that sitepass made this folder. Empty it, or name another place with --out.`,
    ]);
  });

  it("is whole after every change, and finished by the next rendering", (t) => {
    const files = (generation: number) => [
      { path: "compose.yaml", mode: 0o644 as const, content: `# ${generation}\n` },
      { path: ".env", mode: 0o644 as const, content: "SITEPASS_OWNER=1:1\n" },
      { path: "credentials/tunnel-token", mode: 0o600 as const, content: `token ${generation}` },
      {
        path: "credentials/grafana-password",
        mode: 0o600 as const,
        content: `made ${generation}`,
        once: true,
      },
      ...(generation === 1 ? [{ path: "loki/loki.yml", mode: 0o644 as const, content: "x\n" }] : []),
    ];
    const content = (generation: number) => ({ kind: centralFolder, name: "prod", files: files(generation) });
    const clean = newFolder(t);
    writeFolder(clean, content(1));
    let changes = 0;
    writeFolder(clean, content(2), () => (changes += 1));
    assert.ok(changes >= 8);
    for (let stop = 1; stop <= changes; stop += 1) {
      const folder = newFolder(t);
      writeFolder(folder, content(1));
      let left = stop;
      assert.throws(() =>
        writeFolder(folder, content(2), () => {
          left -= 1;
          if (left === 0) {
            throw new Error("cut short");
          }
        }),
      );
      assert.equal(readFileSync(join(folder, "credentials/grafana-password"), "utf8"), "made 1");
      assert.match(readFileSync(join(folder, "credentials/tunnel-token"), "utf8"), /^token [12]$/);
      writeFolder(folder, content(2));
      assert.deepEqual(contents(folder), contents(clean), `after change ${stop}`);
    }
  });
});

describe("a central host that cannot be rendered", () => {
  it("is one of a gate alone without stores of the user's own, or without a gate", async (t) => {
    assert.deepEqual(await refusal(render(newFolder(t), { only: "gate" })), [
      "--only: is gate, and sitepass:central names no store of yours for metrics. Set stores.metrics.url in it, as in http://mimir:8080/api/v1/push.",
      "--only: is gate, and sitepass:central names no store of yours for logs. Set stores.logs.url in it, as in http://loki:3100/loki/api/v1/push.",
    ]);
    const store = { url: new URL("http://store.example.com/api/v1/push"), takesExtraLabel: false };
    assert.deepEqual(
      await refusal(
        render(newFolder(t), {
          only: "gate",
          changes: { identity: "off", ownStores: { metrics: store, logs: store } },
        }),
      ),
      [
        "--only: is gate, and sitepass:identity is off, which has none. Set sitepass:identity to label or tenant, or leave it out.",
      ],
    );
  });

  it("is one whose containers would look for a store in themselves", async (t) => {
    const changes = {
      ownStores: { metrics: { url: new URL("http://localhost:9090/api/v1/write"), takesExtraLabel: false } },
    };
    assert.deepEqual(await refusal(render(newFolder(t), { changes })), [
      "sitepass:central.stores.metrics.url: is http://localhost:9090/api/v1/write, and in a container localhost is the container itself. Write host.docker.internal in its place, and let the store listen there; or render with --as systemd.",
    ]);
    assert.deepEqual(await refusal(render(newFolder(t), { changes, as: "systemd" })), []);
  });

  it("is one in a folder where a file is in a folder's place", async (t) => {
    const out = newFolder(t);
    await render(out);
    rmSync(join(out, "prometheus"), { recursive: true });
    writeFileSync(join(out, "prometheus"), "");
    assert.deepEqual(await refusal(render(out)), [
      `${join(out, "prometheus")}: is not a folder, and rendered files belong in one. Move it away.`,
    ]);
  });

  it("is one whose sites are told by a label that its own rules use", async (t) => {
    for (const siteLabel of ["signal", "sitepass_host", "sitepass_site"]) {
      assert.deepEqual(await refusal(render(newFolder(t), { changes: { siteLabel } })), [
        `sitepass:siteLabel: is "${siteLabel}", which means something else in the rules of the central host. Rename it, such as to site_name.`,
      ]);
    }
  });

  it("is one in a folder whose path not everybody quotes the same way", async (t) => {
    const out = join(freshFolder(t), "central host");
    assert.deepEqual(await refusal(render(out)), [
      `--out: is "${out}", and Docker, the shell and systemd quote paths differently. Name a path of letters, digits and ._@+- alone.`,
    ]);
    assert.ok(!existsSync(out));
  });
});

describe("warnings of where the tunnel leads", () => {
  const about = async (t: TestContext, rendering: Rendering) => {
    const out = newFolder(t);
    const { warnings } = await render(out, rendering);
    return warnings
      .map(problemText)
      .filter((text) => text.startsWith("sitepass:endpoints"))
      .map((text) => text.replaceAll(out, "OUT"));
  };
  const leadingTo = (origin: string): Partial<CentralHost> => ({
    signals: exampleHost()
      .signals.filter(({ signal }) => signal === "metrics")
      .map((one) => ({ ...one, origin })),
  });

  it("come where it leads past the gate, with the order in which no push is lost", async (t) => {
    assert.deepEqual(await about(t, {}), []);
    assert.deepEqual(await about(t, { changes: leadingTo("http://localhost:9090") }), [
      "sitepass:endpoints.metrics.origin: leads to http://localhost:9090 as the last `up` left it, past the gate, so that any site can write as any other. Start what is in OUT first; when the gate runs, make it unix:/run/sitepass/metrics.sock, and run `pulumi up`: in this order no push is lost.",
    ]);
  });

  it("come where it leads to a gate that is not there, or out of a container to nothing", async (t) => {
    assert.deepEqual(
      await about(t, {
        changes: { identity: "off", ...leadingTo("unix:/run/sitepass/metrics.sock") },
      }),
      [
        "sitepass:endpoints.metrics.origin: leads to the gate's socket (unix:/run/sitepass/metrics.sock), and with sitepass:identity off there is no gate. Leave the gate running, make it http://prometheus:9090, and run `pulumi up`; stop the gate after that.",
      ],
    );
    const url = new URL("http://mimir:8080/api/v1/push");
    const [elsewhere = ""] = await about(t, {
      changes: {
        identity: "off",
        ownStores: { metrics: { url, takesExtraLabel: false } },
        ...leadingTo("unix:/run/sitepass/metrics.sock"),
      },
    });
    assert.match(elsewhere, /make it http:\/\/mimir:8080, and run/);
    const changes: Partial<CentralHost> = { identity: "off", ...leadingTo("http://localhost:9090") };
    assert.deepEqual(await about(t, { changes }), [
      "sitepass:endpoints.metrics.origin: leads to http://localhost:9090, and cloudflared in its container finds nothing there. Make it http://prometheus:9090, and run `pulumi up`.",
    ]);
    assert.deepEqual(await about(t, { changes, as: "systemd" }), []);
  });

  it("name the sockets of the gate alone where the user's own cloudflared finds them", async (t) => {
    const store = { url: new URL("http://store.example.com/api/v1/push"), takesExtraLabel: false };
    const changes = { ownStores: { metrics: store, logs: store } };
    const texts = await about(t, { only: "gate", changes });
    assert.match(
      texts[0] ?? "",
      /leads to unix:\/run\/sitepass\/metrics\.sock as the last `up` left it, where this gate does not listen\. .* make it unix:OUT\/run\/metrics\.sock, and run/,
    );
    assert.deepEqual(await about(t, { only: "gate", changes, as: "systemd" }), []);
  });
});

describe("warnings of what is configured in vain", () => {
  const about = async (t: TestContext, rendering: Rendering) => {
    const { warnings } = await render(newFolder(t), rendering);
    return warnings.map(problemText).filter((text) => text.startsWith("sitepass:central"));
  };
  const mail = { server: "smtp.example.com:587", from: "ops@example.com" };

  it("come where e-mail would be sent to nobody, or cannot be", async (t) => {
    assert.deepEqual(await about(t, { changes: { mail: { ...mail, user: "ops" } } }), [
      "sitepass:central.mail: names a user, and credentials/mail-password is not there, so that no alarm is sent by e-mail. Put the password there and render again, or leave the user out.",
      "sitepass:central.mail: names a server, and sitepass:alertEmails names nobody, so that no alarm is sent by e-mail. Set sitepass:alertEmails, or leave mail out.",
    ]);
    const alertEmails = ["ops@example.com"];
    assert.deepEqual(await about(t, { changes: { alertEmails, mail: { ...mail, user: undefined } } }), []);
    assert.deepEqual(
      await about(t, {
        changes: { alertEmails, mail: { ...mail, user: "ops" }, secrets: new Set(["mail-password"]) },
      }),
      [],
    );
  });

  it("come where a store without tenants is told the site as its tenant", async (t) => {
    const to = (path: string, takesExtraLabel = false): Partial<CentralHost> => ({
      identity: "tenant",
      ownStores: { metrics: { url: new URL(path, "http://store.example.com"), takesExtraLabel } },
    });
    assert.deepEqual(await about(t, { changes: to("/api/v1/write") }), [
      "sitepass:central.stores.metrics.url: is http://store.example.com/api/v1/write, the path of Prometheus, which has no tenants, so that any site can write as any other. Set sitepass:identity to label, unless what stands there goes by X-Scope-OrgID.",
    ]);
    assert.deepEqual(await about(t, { changes: to("/api/v1/push") }), []);
    assert.deepEqual(await about(t, { changes: to("/api/v1/write", true) }), []);
  });
});

describe("a map and keys", () => {
  const problem = (folder: string, stackName: string): Promise<readonly string[]> =>
    refusal(
      Promise.resolve().then(() => {
        throwUnlessRendered(folder, stackName);
      }),
    );

  it("go to the gate of their own stack alone", async (t) => {
    const out = newFolder(t);
    await render(out);
    assert.deepEqual(await problem(out, "prod"), []);
    const other = `${out}: holds the gate of stack prod, and this is stack staging. Run it with \`--stack prod\`, or name another folder with --out.`;
    assert.deepEqual(await problem(out, "staging"), [other]);
    // As install.sh leaves it.
    rmSync(join(out, ".sitepass.json"));
    writeFileSync(join(out, ".installed"), "stack prod\ngate/haproxy.cfg\n");
    assert.deepEqual(await problem(out, "prod"), []);
    assert.deepEqual(await problem(out, "staging"), [other]);
  });
});

describe("keys of Access", () => {
  it("that were fetched stay when it is rendered again", async (t) => {
    const out = newFolder(t);
    await render(out);
    const key = join(out, "gate/keys/1.pem");
    writeFileSync(key, "fetched");
    await render(out);
    ensureKeyFiles(out);
    assert.equal(readFileSync(key, "utf8"), "fetched");
  });
});
