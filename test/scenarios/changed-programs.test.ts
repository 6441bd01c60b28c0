import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startEdge } from "cloudflare-standin/edge/edge";
import { send } from "cloudflare-standin/edge/http-messages";
import { addressOfNobody } from "../../cloudflare/access-policies";
import { credentialsOf, openTestDataPath } from "../support/data-path";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";

/** What must hold of every fleet; each says what it found wrong, or nothing. */
const claims: Readonly<Record<string, (fleet: Scenario) => Promise<readonly string[]>>> = {
  "admits machines alone, by a token of their own": (fleet) => {
    const { policies } = fleet.standIn.database;
    return Promise.resolve(
      [...policies.values()]
        .filter(
          ({ decision, include }) =>
            decision !== "non_identity" ||
            !include.every(
              (rule) => "service_token" in rule || ("ip" in rule && rule.ip.ip === addressOfNobody),
            ),
        )
        .map(({ name, decision }) => `${name} is ${decision}`),
    );
  },
  "refuses reading at Access, also to a good token": async (fleet) => {
    const path = await openTestDataPath(fleet);
    try {
      const headers = await credentialsOf(fleet, "tokyo");
      await send(path.edge.url, { host: "prom.example.com", path: "/api/v1/query", method: "GET", headers });
      return answeredBeyondAccess(path.edge.answered);
    } finally {
      await path.close();
    }
  },
  "leads nothing but the write path to the origin": async (fleet) => {
    const path = await openTestDataPath(fleet);
    try {
      const headers = await credentialsOf(fleet, "tokyo");
      for (const target of ["/api/v1/write/", "/api/v1/write/more", "/x/../api/v1/write", "//api/v1/write"]) {
        await send(path.edge.url, { host: "prom.example.com", path: target, headers });
      }
      return path.receiver.requests.map((request) => `${request.path} reached the origin`);
    } finally {
      await path.close();
    }
  },
  "checks Access' assertion at the central host": async (fleet) => {
    const path = await openTestDataPath(fleet);
    try {
      // As if somebody had deleted the applications.
      fleet.standIn.database.applications.clear();
      await send(path.edge.url, { host: "prom.example.com", path: "/api/v1/write" });
      return path.receiver.requests.map(
        (request) => `${request.path} reached the origin without an assertion`,
      );
    } finally {
      await path.close();
    }
  },
};

/** The claim that needs to look on from the start. */
const neverPublicClaim = "keeps a host name unknown until Access stands before it";

function answeredBeyondAccess(
  answered: readonly { readonly by: string; readonly host: string; readonly status: number }[],
): string[] {
  return answered
    .filter(({ host }) => host === "prom.example.com")
    .filter(({ by }) => by !== "access" && by !== "dns")
    .map(({ by, status }) => `answered by ${by} with ${status}`);
}

/** Changes to the program, as a wrong edit would make them, and the claims that must catch them. */
const changes: readonly {
  readonly name: string;
  readonly file: string;
  /** What stands there once, and what stands there instead. */
  readonly edits: readonly (readonly [from: string, to: string])[];
  readonly caughtBy: readonly string[];
}[] = [
  {
    name: "an Allow policy on the push applications",
    file: "push-policies.ts",
    edits: [
      [
        "    this.registerOutputs({});",
        `    const people = new ZeroTrustAccessPolicy(
      "people",
      { accountId: args.accountId, name: "people", decision: "allow", includes: [{ everyone: {} }] },
      { parent: this },
    );
    this.attachments = [...this.attachments, { id: people.id, precedence: 999, signal: "metrics" }];
    this.registerOutputs({});`,
      ],
    ],
    caughtBy: ["admits machines alone, by a token of their own"],
  },
  {
    name: "no application on the whole host",
    file: "declared-objects.ts",
    edits: [["uris: [hostname]", "uris: [`unused-${hostname}`]"]],
    caughtBy: ["refuses reading at Access, also to a good token"],
  },
  {
    name: "an ingress path that is not anchored",
    file: "declared-objects.ts",
    edits: [['? `^${escaped.join("")}$`', '? escaped.join("")']],
    caughtBy: ["leads nothing but the write path to the origin"],
  },
  {
    name: "the assertion checked at the top level of the ingress alone",
    file: "public-tunnel.ts",
    edits: [
      ["originRequest: { access: { required: true, teamName: args.teamName, audTags: [audience] } },", ""],
      [
        "config: {",
        `config: {
          originRequest: {
            access: {
              required: true,
              teamName: args.teamName,
              audTags: args.routes.map(({ audience }) => audience),
            },
          },`,
      ],
    ],
    caughtBy: ["checks Access' assertion at the central host"],
  },
  {
    name: "DNS records that do not wait for Access",
    file: "public-records.ts",
    edits: [
      ["dependsOn: [...applications, ...way],", ""],
      ["replaceWith: [...applications],", ""],
    ],
    caughtBy: [neverPublicClaim],
  },
];

for (const engine of engines) {
  /** Provisions one site with a changed program, or the program as it is, and says which claims do not hold. */
  async function brokenClaims(change?: (typeof changes)[number]): Promise<readonly string[]> {
    const fleet = await openScenario(engine, { sites: { tokyo: "" } });
    try {
      if (change !== undefined) {
        for (const [from, to] of change.edits) {
          fleet.changeProgram(change.file, (source) => {
            assert.equal(source.split(from).length, 2, `${change.file} has the place to change once`);
            return source.replace(from, () => to);
          });
        }
      }
      const found = new Map<string, readonly string[]>([[neverPublicClaim, await lookOnDuringUp(fleet)]]);
      for (const [claim, check] of Object.entries(claims)) {
        found.set(claim, await check(fleet));
      }
      return [...found].filter(([, problems]) => problems.length > 0).map(([claim]) => claim);
    } finally {
      await fleet.close();
    }
  }

  /** Asks for the write path without a token all through the first `up`, in which applications take their time. */
  async function lookOnDuringUp(fleet: Scenario): Promise<readonly string[]> {
    fleet.standIn.inject({ match: { method: "POST", path: /access\/apps$/ }, times: 4, latencyMs: 300 });
    const edge = await startEdge({ database: fleet.standIn.database });
    try {
      const running = { up: true };
      const looking = (async () => {
        while (running.up) {
          await send(edge.url, { host: "prom.example.com", path: "/api/v1/write" });
          await delay(10);
        }
      })();
      const { exitCode, text } = await fleet.up();
      running.up = false;
      await looking;
      assert.equal(exitCode, 0, text);
      return answeredBeyondAccess(edge.answered);
    } finally {
      await edge.close();
    }
  }

  describe(`a wrong change of the program on ${engine.name}`, () => {
    it("is not seen where there is none", async () => {
      assert.deepEqual(await brokenClaims(), []);
    });

    for (const change of changes) {
      it(`is caught: ${change.name}`, async () => {
        assert.deepEqual(await brokenClaims(change), change.caughtBy);
      });
    }
  });
}
