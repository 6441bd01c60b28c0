import { openCloudflareApi } from "../../cloudflare/client";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { OpenStack } from "../../stack/open-stack";
import { openTestFleet, type TestFleet } from "../testing/test-fleet";
import { chooseSites, type ChosenSites, type SiteChoice } from "./choose-sites";
import { fingerprint } from "../fingerprint";
import { writeRotation } from "./rotation-record";

const now = new Date("2026-11-24T03:00:00Z");
const rotated = (until: string) => ({ token: { secretVersion: 2, previousSecretExpiresAt: until } });

/** Berlin's window is over, and Porto's; Lima never was rotated. */
const sites = {
  berlin: rotated("2026-11-23T00:00:00Z"),
  lima: {},
  porto: rotated("2026-11-22T00:00:00Z"),
  quito: { token: { enabled: false } },
};

interface Fleet extends TestFleet {
  readonly choose: (choice?: Partial<SiteChoice>) => Promise<ChosenSites>;
  readonly seen: (site: string, at: string | null) => void;
  readonly inFolder: OpenStack;
}

async function open(t: TestContext, more: Readonly<Record<string, unknown>> = {}): Promise<Fleet> {
  const fleet = await openTestFleet(t, { sites: { ...sites, ...more } });
  const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const inFolder = { ...fleet.stack, directory };
  return {
    ...fleet,
    inFolder,
    choose: (choice) =>
      chooseSites(inFolder, fleet.outputs, {
        sites: [],
        waves: { sites: 1 },
        olderThan: undefined,
        force: false,
        now,
        ...choice,
      }),
    seen: (site, at) => {
      for (const token of fleet.standIn.database.serviceTokens.values()) {
        if (token.name.endsWith(`/${site}`)) {
          token.lastSeenAt = at;
        }
      }
    },
  };
}

const names = ({ sites: chosen }: ChosenSites): readonly string[] => chosen.map(({ name }) => name);

describe("chooseSites", () => {
  it("takes the sites that are named, whatever is known of them", async (t) => {
    const { choose } = await open(t);
    assert.deepEqual(names(await choose({ sites: ["quito", "lima"] })), ["lima", "quito"]);
  });

  it("leaves out of the fleet what is shut out or has no token, and says so", async (t) => {
    const { choose, outputs } = await open(t, { tokyo: {} });
    delete outputs.sites.tokyo;
    const chosen = await choose({ waves: undefined });
    assert.deepEqual(names(chosen), ["berlin", "lima", "porto"]);
    assert.deepEqual(chosen.skipped, [
      { site: "quito", reason: "shut out" },
      { site: "tokyo", reason: "no token yet" },
    ]);
    assert.deepEqual(names(await choose({ waves: undefined, olderThan: 36 * 3_600_000 })), ["lima", "porto"]);
  });

  it("asks once when sites were seen, and gives the next wave", async (t) => {
    const { choose, standIn } = await open(t);
    standIn.clearRequests();
    assert.deepEqual(names(await choose()), ["lima"]);
    assert.equal(standIn.requests.length, 1);
  });

  it("refuses the next wave while sites of an earlier one were not seen again", async (t) => {
    const { choose, seen, outputs, standIn } = await open(t);
    seen("berlin", "2026-11-22T23:59:00.000Z");
    seen("porto", null);
    const todo = (site: string) =>
      `Put its secret in place (\`sitepass render ${site}\`), shut it out (\`sitepass revoke ${site}\`), or pass --force to go on without it.`;
    await assert.rejects(choose(), {
      message: [
        `sites/berlin.yaml: has not pushed since its old secret stopped at 2026-11-23T00:00:00Z (last seen 2026-11-22T23:59:00.000Z), and may not have the new one. ${todo("berlin")}`,
        `sites/porto.yaml: has not pushed since its old secret stopped at 2026-11-22T00:00:00Z (last seen never), and may not have the new one. ${todo("porto")}`,
      ].join("\n"),
    });
    standIn.clearRequests();
    assert.deepEqual(names(await choose({ force: true })), ["lima"]);
    assert.equal(standIn.requests.length, 0);

    seen("berlin", now.toISOString());
    const porto = outputs.sites.porto;
    assert.ok(porto !== undefined);
    porto.clientId = "another.access";
    await assert.rejects(choose(), {
      message: [
        `sites/porto.yaml: Cloudflare does not say whether it pushed since its old secret stopped at 2026-11-22T00:00:00Z. ${todo("porto")}`,
      ].join("\n"),
    });
  });

  it("refuses the next wave while an earlier one never reached Cloudflare, and sees the trap in that", async (t) => {
    const { choose, inFolder } = await open(t);
    await writeRotation(inFolder, "berlin", {
      version: 2,
      formerFingerprint: fingerprint("a secret"),
      writtenAt: "2026-11-16T00:00:00.000Z",
    });
    await assert.rejects(choose(), {
      message: [
        "sites/berlin.yaml: says secretVersion 2, and the stack still has the secret before it. Its window closed at 2026-11-23T00:00:00Z, so `pulumi up` would end the secret in use at once: run `sitepass rotate berlin` for a new window first. If that was done, `sitepass rotate --confirm berlin` says more.",
      ].join("\n"),
    });
  });

  it("names the permission that looking takes", async (t) => {
    const { choose, stack, standIn, inFolder, outputs } = await open(t);
    assert.ok(stack.config.accountId !== "");
    const apiToken = standIn.createApiToken(["Zone Read"]);
    const poor = {
      ...inFolder,
      cloudflareApi: () => Promise.resolve(openCloudflareApi({ apiToken, baseUrl: standIn.baseUrl })),
    };
    await assert.rejects(
      chooseSites(poor, outputs, {
        sites: [],
        waves: { sites: 1 },
        olderThan: undefined,
        force: false,
        now,
      }),
      /Give it the permission "Access: Service Tokens, Read"\.$/,
    );
    assert.deepEqual(names(await choose()), ["lima"]);
  });
});
