import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importDocument, providerVersion } from "../../operate/adopt/import-document";
import type { DeclaredResource } from "../../operate/adopt/adoption-plan";
import {
  application,
  attached,
  handmade,
  planFor,
  policy,
  testConfiguration,
} from "../../operate/adopt/testing/handmade-account";
import { recordProgram, type Declaration } from "../support/recorded-declarations";

const shortName = ({ type, name }: DeclaredResource["component"]): string =>
  `${type.slice(type.lastIndexOf(":") + 1)} ${name}`;

describe("what adopt writes for pulumi import", () => {
  it("has a counterpart in the program for each object, of that type and name, below that component", async () => {
    const push = policy("push");
    const view = handmade({
      applications: ["prom.example.com", "loki.example.com"].flatMap((host) => [
        application(`${host} host`, [host]),
        application(
          `${host} paths`,
          [host === "prom.example.com" ? `${host}/api/v1/write` : `${host}/loki/api/v1/push`],
          { policies: [attached(push)] },
        ),
      ]),
    });
    const plan = planFor(view);
    assert.deepEqual(plan.refusals, []);
    // A token, four applications, tunnel and ingress, two records: every kind that can be adopted.
    assert.equal(plan.adoptions.length, 9);
    const declarations = await recordProgram({
      stackName: "prod",
      configuration: testConfiguration,
      sites: Object.fromEntries(plan.sites.map(({ site, newFile }) => [site.name, newFile?.text ?? ""])),
    });
    for (const { becomes } of plan.adoptions) {
      const found = declarations.filter(({ resource }) => resource === shortName(becomes));
      assert.deepEqual(
        found.map(({ parent }) => parent),
        [shortName(becomes.component)],
        shortName(becomes),
      );
    }
    assert.deepEqual(
      components(declarations).filter((one) => !/Alerts|PushPolicies/.test(one)),
      [...new Set(plan.adoptions.map(({ becomes }) => shortName(becomes.component)))].sort(),
    );
  });

  it("promises for every property the value that the program then declares", async () => {
    const plan = planFor(handmade(), { rotateUntil: "2026-12-01T00:00:00Z" });
    const declarations = await recordProgram({
      stackName: "prod",
      configuration: testConfiguration,
      sites: Object.fromEntries(plan.sites.map(({ site, newFile }) => [site.name, newFile?.text ?? ""])),
    });
    // What is told in other words, as IDs and rules say nothing to people.
    const inWords = ["policies", "config", "destinations"];
    for (const { becomes, changes } of plan.adoptions) {
      const declared = declarations.find(({ resource }) => resource === shortName(becomes))?.inputs ?? {};
      for (const { property, to } of changes.filter((change) => !inWords.includes(change.property))) {
        const value = declared[property];
        assert.equal(
          to,
          typeof value === "string" ? value : JSON.stringify(value),
          `${shortName(becomes)}.${property}`,
        );
      }
    }
  });

  it("names the provider that the program's own SDK asks for", () => {
    const version = providerVersion(`${__dirname}/../..`);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    assert.ok(importDocument(planFor(handmade()).adoptions, version).includes(`"version": "${version}"`));
  });
});

/** Every parent of something that Cloudflare has. */
function components(declarations: readonly Declaration[]): readonly string[] {
  return [...new Set(declarations.map(({ parent }) => parent).filter((parent) => parent !== ""))].sort();
}
