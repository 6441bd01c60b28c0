import { orThrow, problemsOf } from "../fleet/problem";
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import ts from "typescript";
import { parse } from "yaml";
import { z } from "zod";
import { configSchema } from "../fleet/config-schema";
import { parseConfig } from "../fleet/config";
import { readSiteFiles } from "../fleet/site-files";
import { siteJsonSchema } from "../fleet/site-schema";
import { readStackConfig } from "../stack/stack-config";

const root = join(__dirname, "..");

const text = (path: string): string => readFileSync(join(root, path), "utf8");

const packageSchema = z.looseObject({
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const packageFile = packageSchema.parse(JSON.parse(text("package.json")));

/** Every file of ours below a folder, as paths from the root. */
function sources(folder: string, suffix: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(suffix) && !path.includes("node_modules"))
    .map((path) => join(folder, path));
}

/** What a file imports, statically or not: paths from the root, and package names. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(text(file), true, true).importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith(".")) {
      return fileName;
    }
    const path = relative(root, join(root, dirname(file), fileName)).replace(/\.js$/, "");
    return existsSync(join(root, `${path}.ts`)) ? `${path}.ts` : path;
  });
}

/** Everything that is loaded with a file. */
function reachableFrom(file: string, seen = new Set<string>()): Set<string> {
  if (!seen.has(file)) {
    seen.add(file);
    if (file.endsWith(".ts") && existsSync(join(root, file))) {
      for (const imported of importsOf(file)) {
        reachableFrom(imported, seen);
      }
    }
  }
  return seen;
}

/** From the ground up: each may import what stands before it. Tests, measurements and scripts may import everything. */
const floors = [
  "packages/",
  "fleet/",
  "cloudflare/",
  "provision/",
  "policy/",
  "stack/",
  "collectors/",
  "handover/",
  "central/",
  "operate/",
  "cli/",
  "local/",
];

const isTest = (file: string): boolean =>
  file.endsWith(".test.ts") || /(?:^|\/)(?:test|testing)\//.test(file);

function heightOf(file: string): number {
  if (isTest(file) || /^(?:bench|scripts)\//.test(file)) {
    return floors.length;
  }
  // index.ts is the program itself, and imports what pulumi up needs.
  return file === "index.ts"
    ? floors.indexOf("provision/")
    : floors.findIndex((floor) => file.startsWith(floor));
}

/** Each circle of imports once, as the files along it. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) {
      circles.push([...way.slice(way.indexOf(file)), file].join(" > "));
      return;
    }
    if (!done.has(file)) {
      for (const imported of graph.get(file) ?? []) {
        visit(imported, [...way, file]);
      }
      done.add(file);
    }
  };
  for (const file of graph.keys()) {
    visit(file, []);
  }
  return circles;
}

describe("the repository", () => {
  // When this fails: bring Pulumi.yaml and fleet/config-schema.ts back together; users read the one, the program the other.
  it("documents in Pulumi.yaml exactly the keys, types, defaults and descriptions that the program knows", () => {
    const schema = z
      .looseObject({
        properties: z.record(
          z.string(),
          z.looseObject({ type: z.string(), description: z.string(), default: z.unknown().optional() }),
        ),
      })
      .parse(z.toJSONSchema(configSchema, { io: "input" }));
    const expected = Object.fromEntries(
      Object.entries(schema.properties).map(([key, property]) => [
        key,
        {
          type: property.type,
          description: property.description,
          ...(property.default === undefined ? {} : { default: property.default }),
          ...(property.type === "array" ? { items: { type: "string" } } : {}),
        },
      ]),
    );
    const project = z
      .looseObject({ config: z.record(z.string(), z.unknown()) })
      .parse(parse(text("Pulumi.yaml")));
    assert.deepEqual(project.config, expected);
  });

  it("ships a production stack and sites that are valid as they are", () => {
    assert.deepEqual(problemsOf(parseConfig(readStackConfig(root, "prod", {}).values)), []);
    assert.ok(orThrow(readSiteFiles(join(root, "sites"))).length > 0);
  });

  // When this fails: run `npm run schema`.
  it("has a JSON Schema of site files that is current", () => {
    assert.equal(text("site.schema.json"), siteJsonSchema());
  });

  it("has no secret in a stack's file", () => {
    for (const file of readdirSync(root).filter((name) => /^Pulumi\..+\.yaml$/.test(name))) {
      assert.doesNotMatch(text(file), /cfast_|apiToken:|apiKey:|[0-9a-f]{64}|eyJ/, file);
    }
  });

  // When this fails: what production runs must not depend on what only the demo and the tests need.
  it("cannot reach local/ or test code from index.ts", () => {
    const reachable = [...reachableFrom("index.ts")];
    assert.ok(reachable.includes("provision/site-passes.ts"));
    assert.deepEqual(
      reachable.filter(
        (path) =>
          /^(?:local|test|bench|scripts|cli|operate|central|handover|collectors|stack|packages)\//.test(
            path,
          ) || path.endsWith(".test.ts"),
      ),
      [],
    );
  });

  it("needs only runtime dependencies in what pulumi up loads", () => {
    const packages = [...reachableFrom("index.ts")].filter(
      (path) => !path.endsWith(".ts") && !path.startsWith("node:"),
    );
    const declared = Object.keys(packageFile.dependencies);
    assert.deepEqual(
      packages.filter((name) => !declared.some((known) => name === known || name.startsWith(`${known}/`))),
      [],
    );
  });

  // When this fails: a house took something from one above it. Move the piece down, or hand it in.
  it("lets each folder import only itself and what lies below it", () => {
    const offenders = sources(".", ".ts").flatMap((file) =>
      importsOf(file)
        .filter((path) => path.includes("/") && existsSync(join(root, path)))
        .filter((path) => heightOf(path) > heightOf(file))
        .map((path) => `${file} imports ${path}`),
    );
    assert.deepEqual(offenders, []);
  });

  it("leaves local/, bench/ and the stand-in out of everything that users run", () => {
    const offenders = sources(".", ".ts")
      .filter((file) => !file.startsWith("packages/") && heightOf(file) < heightOf("local/"))
      .flatMap((file) =>
        importsOf(file)
          .filter((path) => /^(?:local|bench|packages)\/|^cloudflare-standin/.test(path))
          .map((path) => `${file} imports ${path}`),
      );
    assert.deepEqual(offenders, []);
  });

  // When this fails: a published pack is what lies in policy/ alone, with the packages that its package.json names.
  it("has a policy pack that stands by itself, on the versions of the program", () => {
    const pack = z
      .looseObject({ version: z.string(), dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(text("policy/package.json")));
    const imported = new Set(
      sources("policy", ".ts")
        .filter((file) => !isTest(file))
        .flatMap(importsOf),
    );
    assert.deepEqual([...imported].filter((path) => !path.startsWith("policy/")).sort(), [
      "@pulumi/policy",
      "@pulumi/pulumi",
    ]);
    assert.equal(pack.dependencies["@pulumi/pulumi"], packageFile.dependencies["@pulumi/pulumi"]);
    assert.equal(pack.dependencies.typescript, packageFile.dependencies.typescript);
    assert.match(pack.dependencies["@pulumi/policy"] ?? "", /^\d+\.\d+\.\d+$/);
    const optionsOf = (file: string) =>
      z.looseObject({ compilerOptions: z.record(z.string(), z.unknown()) }).parse(JSON.parse(text(file)))
        .compilerOptions;
    // ts-node, which Pulumi loads it with, follows no `extends`.
    assert.deepEqual(
      { ...optionsOf("tsconfig.json"), ...optionsOf("tsconfig.pulumi.json") },
      { ...optionsOf("policy/tsconfig.json"), resolveJsonModule: true, noEmit: false },
    );
    assert.ok(
      !existsSync(join(root, "policy", "node_modules")),
      "a second copy of the SDK would be another one",
    );
  });

  it("has no two files that import each other, by whatever way round", () => {
    const graph = new Map(sources(".", ".ts").map((file) => [file, importsOf(file)]));
    assert.deepEqual(circlesIn(graph), []);
  });

  it("keeps every folder small enough to be read at a glance", () => {
    const counts = new Map<string, number>();
    for (const file of sources(".", ".ts").filter((path) => !isTest(path))) {
      counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    }
    assert.deepEqual(
      [...counts].filter(([, count]) => count > 20),
      [],
    );
  });

  it("has only site files in sites/", () => {
    assert.deepEqual(
      readdirSync(join(root, "sites")).filter((name) => !/\.ya?ml$/.test(name)),
      [],
    );
  });

  it("says the same license everywhere, and has its text", () => {
    assert.match(
      text("LICENSE"),
      /Apache License\s+Version 2\.0, January 2004[^]*END OF TERMS AND CONDITIONS/,
    );
    for (const file of ["package.json", "policy/package.json", "packages/cloudflare-standin/package.json"]) {
      assert.match(text(file), /"license": "Apache-2\.0"/, file);
    }
  });

  it("has editors write what Prettier writes", () => {
    const prettier = z.object({ printWidth: z.number() }).parse(JSON.parse(text(".prettierrc.json")));
    const editor = text(".editorconfig");
    for (const line of [`max_line_length = ${prettier.printWidth}`, "indent_size = 2", "end_of_line = lf"]) {
      assert.ok(editor.includes(`\n${line}\n`), line);
    }
  });

  // When this fails: a pin without its reason is taken for an oversight, and raised.
  it("gives Renovate a reason for every rule, and patterns that find what they are for", () => {
    const described = z.array(z.looseObject({ description: z.string().min(1) }));
    const { packageRules, customManagers } = z
      .object({
        packageRules: described,
        customManagers: z.array(
          z.object({
            managerFilePatterns: z.array(z.string()),
            matchStrings: z.array(z.string()),
            description: z.string(),
          }),
        ),
      })
      .parse(JSON.parse(text("renovate.json")));
    assert.ok(packageRules.length > 5);
    const files = ["central/packaging/images.ts", ".github/actions/set-up/action.yml", "docs/gitlab-ci.yml"];
    for (const { managerFilePatterns, matchStrings } of customManagers) {
      for (const pattern of managerFilePatterns) {
        const file = files.find((one) => new RegExp(pattern.slice(1, -1)).test(one));
        assert.ok(file !== undefined, pattern);
        assert.ok(
          matchStrings.some((one) => new RegExp(one).test(text(file))),
          file,
        );
      }
    }
    const images = new RegExp(customManagers[0]?.matchStrings[0] ?? "", "g");
    const centralImages = text("central/packaging/images.ts");
    assert.equal(
      [...centralImages.matchAll(images)].length,
      [...centralImages.matchAll(/ digest: "/g)].length,
    );
    assert.match(text("renovate.json"), new RegExp(`<=${packageFile.dependencies["@pulumi/pulumi"] ?? ""}"`));
  });

  it("pins every package, and TypeScript below the version that Pulumi cannot load", () => {
    for (const [name, version] of Object.entries({
      ...packageFile.dependencies,
      ...packageFile.devDependencies,
    })) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
    }
    assert.equal(packageFile.dependencies["@pulumi/pulumi"], "3.248.0");
    assert.ok(Number(packageFile.dependencies.typescript?.split(".")[0]) < 7);
  });
});
