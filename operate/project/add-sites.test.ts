import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { stringify } from "yaml";
import { problemTexts } from "../../fleet/testing/problem-texts";
import { attempt, orThrow } from "../../fleet/problem";
import { readSiteFiles } from "../../fleet/site-files";
import { editPlace } from "../site-file/edit-place";
import { editToken } from "../site-file/edit-token";
import { addSites, type AddedSites, type NewSites } from "./add-sites";

let directory: string;

const put = (file: string, text: string): void => {
  writeFileSync(join(directory, file), text);
};

const putStack = (name: string, more: object = {}): void => {
  const config = {
    "sitepass:accountId": "a".repeat(32),
    "sitepass:zone": "example.org",
    "sitepass:endpoints": {
      metrics: { hostname: "prom.example.org" },
      logs: { hostname: "loki.example.org" },
    },
    "sitepass:publish": { tunnel: { name: "central" } },
    ...more,
  };
  put(`Pulumi.${name}.yaml`, stringify({ config }));
};

const add = (names: readonly string[], values: Partial<NewSites> = {}): Promise<AddedSites> =>
  addSites({ directory, names, label: [], ...values });

const refusals = async (
  names: readonly string[],
  values: Partial<NewSites> = {},
): Promise<readonly string[]> => problemTexts(await attempt(() => add(names, values)));

const there = (): readonly string[] => readdirSync(join(directory, "sites"));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sitepass-add-"));
  put("Pulumi.yaml", "name: sitepass\nruntime: nodejs\n");
  putStack("prod");
});

afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

describe("addSites", () => {
  it("writes a file for each, in a folder that it makes, as anybody may read it", async () => {
    const added = await add(["lima", "oslo"], {
      collector: "alloy",
      relay: "nginx",
      label: ["region=latam", "note=a=b"],
    });
    assert.deepEqual(added, {
      sites: [
        { name: "lima", file: "sites/lima.yaml" },
        { name: "oslo", file: "sites/oslo.yaml" },
      ],
      shard: "",
      stacks: ["prod"],
      amongSeveral: false,
      warnings: [],
    });
    assert.deepEqual(there(), ["lima.yaml", "oslo.yaml"]);
    const [lima] = orThrow(readSiteFiles(join(directory, "sites")));
    assert.deepEqual(lima?.values.labels, { region: "latam", note: "a=b" });
    assert.equal(lima.values.collector, "alloy");
    assert.equal(lima.values.relay, "nginx");
    const before = process.umask(0o002);
    await add(["quito"]).finally(() => process.umask(before));
    assert.equal(statSync(join(directory, "sites/quito.yaml")).mode & 0o777, 0o664);
  });

  it("says everything that is wrong at once, each by its option, and writes nothing", async () => {
    mkdirSync(join(directory, "sites"));
    put("sites/Oslo.yml", "");
    assert.deepEqual(
      await refusals(["Tokyo Rack_A", "oslo", "lima", "lima", "-"], {
        collector: "alloi",
        signals: ["metrics", "lgs"],
        label: ["region", "job=x", "kind=a", "kind=b", "__proto__=x"],
        proxy: "http://user:secret@proxy:3128",
        duration: "1y",
        shard: "us",
        description: "x".repeat(201),
      }),
      [
        '"Tokyo Rack_A": is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Take tokyo-rack-a.',
        "oslo: is a site already (sites/Oslo.yml). Edit its file, or take another name.",
        "lima: is named twice. Name it once.",
        '"-": is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Give the name that its file is to have, such as tokyo.',
        '--shard: is "us", and no stack of the project is the shard us (prod is the shard without a name). Name one of them with --shard; `npx sitepass check --place tokyo-rack-a` says which has most room.',
        '--label: is "region", which has no value. Write it as in region=apac.',
        "--label: gives kind twice. Give it once.",
        `--description: is "${"x".repeat(75)}...", which is longer than 200 characters. Shorten it.`,
        '--signals: is "lgs", which is not known. Did you mean logs? Choose metrics, logs.',
        "--label: job tells the series of one target from those of others, so that it cannot be the same for a whole site. Rename it, such as to site_job.",
        '--proxy: is "http://...@proxy:3128", which holds a user or a password, and site files are read by everybody who sees the repository. Have the proxy let the site through by its address, and write it without.',
        '--duration: is "1y", which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.',
        '--collector: is "alloi", which is not known. Did you mean alloy? Choose prometheus, promtail, alloy, otelcol, vmagent, vector, fluent-bit, telegraf.',
        "--label: __proto__ begins with __, which Prometheus reserves. Rename it.",
        'sites/Oslo.yml: the name "Oslo" is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Rename the file.',
      ],
    );
    assert.deepEqual(there(), ["Oslo.yml"]);
  });

  it("checks the fleet that would come of it: signals without an endpoint, and room for tokens", async () => {
    putStack("prod", {
      "sitepass:endpoints": { metrics: { hostname: "prom.example.org" } },
      "sitepass:serviceTokenLimit": 2,
    });
    await add(["oslo"]);
    const [signal, room, ...others] = await refusals(["lima", "quito"], { signals: ["logs"] });
    assert.match(signal ?? "", /^sites\/lima\.yaml: signals names logs, which has no endpoint\./);
    assert.match(room ?? "", /^sites\/quito\.yaml: signals names logs/);
    assert.match(others.join(), /^sites\/: holds 3 sites, and the account may have 2 service tokens\./);
    assert.deepEqual(there(), ["oslo.yaml"]);
  });

  it("refuses the relay that cannot send through their proxy", async () => {
    const proxy = "http://proxy.example.net:3128";
    assert.deepEqual(await refusals(["lima"], { relay: "nginx", proxy }), [
      '--relay: is "nginx", which cannot send through a proxy, and the site has one. Take caddy, or leave out relay or proxy.',
    ]);
    await add(["lima"], { relay: "caddy", proxy });
    assert.match(readFileSync(join(directory, "sites/lima.yaml"), "utf8"), /^relay: caddy$/m);
  });

  it("leaves a fleet alone that cannot be read", async () => {
    await add(["oslo"]);
    put("sites/bad.yaml", "signal: [metrics]\n");
    assert.match((await refusals(["lima"])).join(), /^sites\/bad\.yaml: signal is not a known key/);
    assert.deepEqual(there(), ["bad.yaml", "oslo.yaml"]);
  });

  it("guesses no shard among several with names, takes the only one, and else that without a name", async () => {
    assert.equal((await add(["a"])).shard, "");
    putStack("us", { "sitepass:shard": "us" });
    assert.deepEqual(await add(["b"]), {
      sites: [{ name: "b", file: "sites/b.yaml" }],
      shard: "",
      stacks: ["prod"],
      amongSeveral: true,
      warnings: [],
    });
    putStack("prod", { "sitepass:shard": "eu" });
    rmSync(join(directory, "sites"), { recursive: true });
    assert.deepEqual(await refusals(["c"]), [
      "--shard: is not given, and the project has several shards (prod is the shard eu, us is the shard us). Name one of them with --shard; `npx sitepass check --place c` says which has most room.",
    ]);
    assert.deepEqual((await add(["c"], { shard: "us" })).stacks, ["us"]);
    rmSync(join(directory, "Pulumi.us.yaml"));
    rmSync(join(directory, "sites"), { recursive: true });
    assert.equal((await add(["d"])).shard, "eu");
    assert.match(readFileSync(join(directory, "sites/d.yaml"), "utf8"), /^shard: eu$/m);
  });

  it("works before a stack is configured, and says that nothing was checked against it", async () => {
    put("Pulumi.prod.yaml", "config:\n  sitepass:accountId: soon\n");
    const { warnings } = await add(["lima"]);
    assert.deepEqual(
      warnings.map(({ subject }) => subject),
      ["Pulumi.prod.yaml"],
    );
    rmSync(join(directory, "Pulumi.prod.yaml"));
    assert.deepEqual((await add(["oslo"], { shard: "eu" })).stacks, []);
  });

  it("makes no folder where no project is", async () => {
    rmSync(join(directory, "Pulumi.yaml"));
    assert.deepEqual(await refusals(["lima"]), [
      `${join(directory, "Pulumi.yaml")}: is not there, so that this is not a project's folder. Run this in the project's folder, or name it with --cwd.`,
    ]);
    assert.deepEqual(readdirSync(directory), ["Pulumi.prod.yaml"]);
  });

  it("says so where it may not write", { skip: process.getuid?.() === 0 }, async () => {
    mkdirSync(join(directory, "sites"), { mode: 0o500 });
    assert.match((await refusals(["lima"])).join(), /may not be used by this user/);
  });

  it("writes files that the commands which edit them can edit", async () => {
    await add(["lima"]);
    const text = readFileSync(join(directory, "sites/lima.yaml"), "utf8");
    const rotated = orThrow(
      editToken(
        text,
        { secretVersion: 2, previousSecretExpiresAt: "2026-12-01T00:00:00Z" },
        "sites/lima.yaml",
      ),
    );
    assert.match(rotated, /^token:$/m);
    assert.match(
      orThrow(editPlace(rotated, { shard: "eu", movingTo: "us" }, "sites/lima.yaml")),
      /^shard: eu$/m,
    );
  });
});
