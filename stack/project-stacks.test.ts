import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import type { Site } from "../fleet/sites";
import { chooseStack, shardsOfProject, stackNameIn, stacksSharingSites } from "./project-stacks";

const root = realpathSync(mkdtempSync(join(tmpdir(), "sitepass-stacks-")));
const directory = join(root, "project");
const home = join(root, "home");
const environment = { PULUMI_HOME: home };
const chosen = (more: Readonly<Record<string, string>> = {}, named?: string, folder = directory) =>
  chooseStack(folder, named, { ...environment, ...more });

const sharing = (stackName: string, shard = "", sites: readonly Pick<Site, "shard" | "movingTo">[] = []) =>
  stacksSharingSites({ directory, stackName, config: { shard }, sites });

function put(file: string, text: string): void {
  writeFileSync(join(directory, file), text);
}

/** As the CLI writes it. */
function select(selection: object, folder = directory): void {
  const hash = createHash("sha1").update(join(folder, "Pulumi.yaml")).digest("hex");
  mkdirSync(join(home, "workspaces"), { recursive: true });
  writeFileSync(join(home, "workspaces", `sitepass-${hash}-workspace.json`), JSON.stringify(selection));
}

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  mkdirSync(home);
  put("Pulumi.yaml", "name: sitepass\n");
  put("Pulumi.prod.yaml", "config:\n  sitepass:zone: example.com\n");
});

after(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("chooseStack", () => {
  it("takes the only stack where none is chosen", () => {
    assert.equal(chosen(), "prod");
  });

  it("takes the stack that is named, then that of PULUMI_STACK, then the selected one", () => {
    put("Pulumi.staging.yaml", "");
    select({ stack: "staging" });
    assert.equal(chosen(), "staging");
    assert.equal(chosen({ PULUMI_STACK: "" }), "staging");
    assert.equal(chosen({ PULUMI_STACK: "prod" }), "prod");
    assert.equal(chosen({ PULUMI_STACK: "prod" }, "other"), "other");
  });

  it("names the character that a variable or an option must not have", () => {
    assert.throws(() => chosen({ PULUMI_STACK: "prod\r" }), {
      message:
        "PULUMI_STACK: ends in a carriage return (U+000D), which no stack's name has. Set it without that character.",
    });
    assert.throws(() => chosen({ PULUMI_HOME: "/home\n" }, "\u201cprod\u201d"), {
      message: [
        "--stack: begins with \u201c (U+201C), which no stack's name has. Set it without that character.",
        "PULUMI_HOME: ends in a line feed (U+000A), which it must not have. Set it without that character.",
      ].join("\n"),
    });
  });

  it("knows the selection of each backend, and which one is logged in to", () => {
    const backend = (url: string) => chosen({ PULUMI_BACKEND_URL: url });
    select({ stacks: { "https://api.pulumi.com": "acme/sitepass/prod", "file:///state": "staging" } });
    put("Pulumi.staging.yaml", "");
    assert.equal(backend("https://api.pulumi.com/"), "acme/sitepass/prod");
    assert.equal(backend("file:///state"), "staging");
    assert.throws(() => backend("s3://other"), { name: "UserError" });
    assert.throws(() => chosen(), { name: "UserError" });
    writeFileSync(join(home, "credentials.json"), JSON.stringify({ current: "file:///state" }));
    assert.equal(chosen(), "staging");
    put("Pulumi.yaml", "name: sitepass\nbackend:\n  url: https://api.pulumi.com\n");
    assert.equal(chosen(), "acme/sitepass/prod");
  });

  it("takes the one selection that there is where nobody says which backend counts", () => {
    put("Pulumi.staging.yaml", "");
    select({ stacks: { "file://~": "staging" } });
    assert.equal(chosen(), "staging");
  });

  it("finds a selection that was made in the folder by another name", () => {
    const link = join(root, "link");
    symlinkSync(directory, link);
    put("Pulumi.staging.yaml", "");
    select({ stack: "staging" });
    assert.equal(chosen({}, undefined, link), "staging");
  });

  it("does not guess among several stacks", () => {
    put("Pulumi.staging.yaml", "");
    select({});
    assert.throws(() => chosen(), {
      message:
        "--stack: is not given, no stack is selected, and the project has several (prod, staging). Name one with --stack or PULUMI_STACK, or select one with `pulumi stack select`.",
    });
  });

  it("says when there is no stack", () => {
    rmSync(join(directory, "Pulumi.prod.yaml"));
    assert.throws(() => chosen(), {
      message: `${directory}: has no file Pulumi.<stack>.yaml. Run this in the project's folder, or name the stack with --stack.`,
    });
  });
});

describe("stackNameIn", () => {
  it("leaves organization and project out", () => {
    assert.deepEqual(["prod", "acme/prod", "acme/sitepass/prod"].map(stackNameIn), ["prod", "prod", "prod"]);
  });
});

describe("stacksSharingSites", () => {
  it("names the other stacks that are configured for this program", () => {
    put("Pulumi.staging.yaml", "config:\n  sitepass:zone: example.org\n");
    put("Pulumi.bucket.yaml", "config:\n  aws:region: eu-central-1\n");
    put("Pulumi.empty.yaml", "");
    put("Pulumi.broken.yaml", "config: [\n");
    assert.deepEqual(sharing("prod"), ["staging"]);
    assert.deepEqual(sharing("staging"), ["prod"]);
  });

  it("names only those of the same shard, and those that one of the sites is moving to or from", () => {
    put("Pulumi.yaml", "name: sitepass\nconfig:\n  shard:\n    default: ''\n");
    put("Pulumi.eu.yaml", "config:\n  sitepass:shard: eu\n");
    put("Pulumi.eu-too.yaml", 'config:\n  sitepass:shard: "eu"\n');
    put("Pulumi.us.yaml", "config:\n  sitepass:shard: us\n");
    assert.deepEqual(sharing("prod"), []);
    assert.deepEqual(sharing("eu", "eu"), ["eu-too"]);
    assert.deepEqual(sharing("eu", "eu", [{ shard: "eu" }, { shard: "eu", movingTo: "us" }]), [
      "eu-too",
      "us",
    ]);
    assert.deepEqual(sharing("us", "us", [{ shard: "", movingTo: "us" }]), ["prod"]);
  });
});

describe("shardsOfProject", () => {
  it("tells the shard that each stack is, and names one whose file cannot be read", () => {
    put("Pulumi.us.yaml", "config:\n  sitepass:shard: us\n");
    put("Pulumi.1.yaml", "config:\n  sitepass:shard: 1\n");
    put("Pulumi.broken.yaml", "config: [\n");
    assert.deepEqual(shardsOfProject(directory), [
      { stackName: "1", shard: "1" },
      { stackName: "broken", shard: "" },
      { stackName: "prod", shard: "" },
      { stackName: "us", shard: "us" },
    ]);
    assert.deepEqual(shardsOfProject(join(root, "nowhere")), []);
  });

  it("takes the project's default, as pulumi does", () => {
    put("Pulumi.yaml", "name: sitepass\nconfig:\n  shard:\n    default: eu\n");
    assert.deepEqual(shardsOfProject(directory), [{ stackName: "prod", shard: "eu" }]);
  });
});
