import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { z } from "zod";
import { findProgram } from "../../local/programs/programs";
import { freshFolder } from "../../handover/testing/folders";
import type { CentralHost } from "../central-host";
import { expectedCentralCases, packagedHost } from "../testing/expected-folders";
import { compose } from "./compose";
import { folderFiles } from "./folder-files";
import { centralImages } from "./images";
import { secretsOf } from "./packaging";

const program = findProgram("compose", "compose");
const skip = program === undefined && "no compose-go on this machine; npm run programs -- compose builds it";

const projectSchema = z.object({
  name: z.string(),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
  secrets: z.record(z.string(), z.object({ file: z.string() })).optional(),
  volumes: z.never().optional(),
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      user: z.string(),
      command: z.array(z.string()).nullable(),
      entrypoint: z.array(z.string()),
      read_only: z.literal(true),
      cap_drop: z.tuple([z.literal("ALL")]),
      cap_add: z.never().optional(),
      security_opt: z.tuple([z.literal("no-new-privileges:true")]),
      privileged: z.never().optional(),
      ports: z.never().optional(),
      network_mode: z.never().optional(),
      pid: z.never().optional(),
      env_file: z.never().optional(),
      environment: z.record(z.string(), z.string().nullable()).optional(),
      restart: z.literal("unless-stopped"),
      stop_grace_period: z.string(),
      logging: z.object({ driver: z.string(), options: z.record(z.string(), z.string()) }),
      networks: z.record(z.string(), z.unknown()),
      extra_hosts: z.array(z.string()).optional(),
      secrets: z.array(z.object({ source: z.string(), target: z.string() })).optional(),
      healthcheck: z.object({ test: z.array(z.string()) }).optional(),
      volumes: z
        .array(
          z.object({
            type: z.literal("bind"),
            source: z.string(),
            target: z.string(),
            read_only: z.boolean().optional(),
          }),
        )
        .optional(),
    }),
  ),
});

/** Reads a folder's Compose file as Docker Compose does, by the Compose specification's schema. */
function read(t: TestContext, files: readonly { readonly path: string; readonly content: string }[]) {
  const folder = freshFolder(t);
  for (const { path, content } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const { status, stdout, stderr } = spawnSync(program ?? "", [join(folder, "compose.yaml")], {
    encoding: "utf8",
    env: {},
  });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  return { folder, project: projectSchema.parse(JSON.parse(stdout)) };
}

const render = (changes: Partial<CentralHost>, only?: "gate") =>
  folderFiles(packagedHost(changes, only), "compose");

describe("the Compose file", () => {
  for (const [name, files] of Object.entries(expectedCentralCases)) {
    if (files.some(({ path }) => path === "compose.yaml")) {
      it(`of ${name} is one by the specification, and shuts its containers in`, { skip }, (t) => {
        const { folder, project } = read(t, files);
        for (const [service, { image, user, volumes = [] }] of Object.entries(project.services)) {
          assert.match(image, /^docker\.io\/[\w/-]+:v?\d[\w.-]+@sha256:[0-9a-f]{64}$/, service);
          assert.equal(user, service === "node-exporter" ? "65534:65534" : "1000:1000", service);
          for (const { source, read_only: readOnly } of volumes) {
            assert.ok(source === "/" || source.startsWith(`${folder}/`), source);
            assert.ok(
              readOnly === true || [`${folder}/run`, `${folder}/data/${service}`].includes(source),
              `${service} may write to ${source}`,
            );
          }
        }
      });
    }
  }

  it(
    "gives each of several connectors the token of its own stack, and no way to another program",
    { skip },
    (t) => {
      const { project } = read(t, expectedCentralCases["compose-several"] ?? []);
      assert.equal(project.name, "sitepass-eu-us");
      assert.equal(project.services.cloudflared, undefined);
      for (const stack of ["eu", "us"]) {
        const { secrets, networks } = project.services[`cloudflared-${stack}`] ?? {};
        assert.deepEqual(
          secrets?.map(({ source }) => source),
          [`tunnel-token-${stack}`],
        );
        assert.deepEqual(Object.keys(networks ?? {}).sort(), ["connector", "edge"]);
      }
    },
  );

  it("lets nobody reach the stores but the gate, what it leads to and what reads them", { skip }, (t) => {
    const { project } = read(t, render({}));
    const networksOf = (service: string) => Object.keys(project.services[service]?.networks ?? {});
    const neighbours = (service: string) =>
      Object.keys(project.services)
        .filter((other) => other !== service)
        .filter((other) => networksOf(other).some((network) => networksOf(service).includes(network)))
        .sort();
    // The gate, which hands its metrics on; pushes go through sockets.
    assert.deepEqual(neighbours("cloudflared"), ["gate"]);
    assert.deepEqual(neighbours("gate"), [
      "alloy",
      "cloudflared",
      "loki",
      "node-exporter",
      "prometheus",
      "vmagent",
    ]);
    assert.deepEqual(neighbours("loki"), [
      "alertmanager",
      "alloy",
      "gate",
      "grafana",
      "prometheus",
      "vmagent",
    ]);
    assert.deepEqual(
      Object.keys(project.networks).filter((network) => project.networks[network]?.internal !== true),
      ["alerts", "edge"],
    );
    // Prometheus has no way out.
    assert.deepEqual(networksOf("prometheus").sort(), ["scrape", "stores"]);
  });

  it("leads cloudflared to the stores where there is no gate", { skip }, (t) => {
    const { project } = read(t, render({ identity: "off" }));
    assert.ok("push" in (project.services.cloudflared?.networks ?? {}));
    assert.deepEqual(
      project.services.cloudflared?.volumes?.map(({ target }) => target),
      undefined,
    );
  });

  it("knows this machine by name for a store outside of the containers", { skip }, (t) => {
    const url = (text: string) => ({ url: new URL(text), takesExtraLabel: false });
    const { project } = read(
      t,
      render(
        {
          secrets: new Set(),
          ownStores: {
            metrics: url("http://host.docker.internal:9090/api/v1/write"),
            logs: url("http://loki.example.com/loki/api/v1/push"),
          },
        },
        "gate",
      ),
    );
    assert.deepEqual(
      Object.keys(project.services).filter((name) => project.services[name]?.extra_hosts !== undefined),
      Object.keys(project.services).filter((name) => "out" in (project.services[name]?.networks ?? {})),
    );
    assert.equal(project.services.cloudflared, undefined);
  });

  it("gives each program the secrets that its own files name, as files", { skip }, (t) => {
    const host = packagedHost({ secrets: new Set(["tunnel-token"]) });
    const { project, folder } = read(t, folderFiles(host, "compose"));
    for (const one of host.programs) {
      assert.deepEqual(
        (project.services[one.name]?.secrets ?? []).map(({ source }) => source),
        secretsOf(one, host.central, compose),
      );
    }
    assert.deepEqual(project.services.cloudflared?.secrets, [
      { source: "tunnel-token", target: "/run/secrets/tunnel-token" },
    ]);
    assert.equal(project.secrets?.["tunnel-token"]?.file, `${folder}/credentials/tunnel-token`);
  });

  it("asks inside a container only what its image can answer", { skip }, (t) => {
    const { project } = read(t, render({}));
    assert.equal(project.services.loki?.healthcheck, undefined);
    assert.equal(project.services.alloy?.healthcheck, undefined);
    assert.deepEqual(project.services.cloudflared?.healthcheck?.test, [
      "CMD",
      "/usr/local/bin/cloudflared",
      "tunnel",
      "--metrics",
      "127.0.0.1:2000",
      "ready",
    ]);
  });

  it("cannot be started where the owner is not known", { skip }, (t) => {
    const folder = freshFolder(t);
    const file = render({}).find(({ path }) => path === "compose.yaml");
    writeFileSync(join(folder, "compose.yaml"), file?.content ?? "");
    const { status, stderr } = spawnSync(program ?? "", [join(folder, "compose.yaml")], {
      encoding: "utf8",
      env: {},
    });
    assert.equal(status, 1);
    assert.match(stderr, /SITEPASS_OWNER is missing a value: is not set\. Start this in the folder/);
  });
});

describe("images", () => {
  it("are pinned by a version and the digest of an index, no two by the same", () => {
    const digests = Object.values(centralImages).map(({ digest }) => digest);
    assert.equal(new Set(digests).size, digests.length);
    for (const { version, digest } of Object.values(centralImages)) {
      assert.match(version, /^v?\d+\.\d+\.\d+(?:-alpine)?$/);
      assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    }
  });
});
