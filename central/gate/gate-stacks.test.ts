import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, createServer, type Server } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { orThrow, problemText } from "../../fleet/problem";
import { freePort } from "../../local/run/processes";
import { exampleSeveral } from "../testing/central-hosts";
import { refreshAccessKeys } from "./access-keys";
import {
  assertion,
  runGate,
  signingKey,
  withoutHaproxy,
  type RunningGate,
  type SigningKey,
} from "./testing/running-gate";
import { updateSiteMap } from "./site-map";

const teams = ["team-eu", "team-us"];

type Stack = "eu" | "us";

/** Everything that an assertion is made of, each by the stack that it is of. */
interface Parts {
  readonly key: Stack;
  readonly issuer: Stack;
  readonly audience: Stack;
  readonly client: Stack;
}

const audiences = { eu: "a", us: "c" };
const clients = { eu: "1", us: "3" };
const siteOf = { eu: "berlin", us: "austin" };

const stacks = ["eu", "us"] as const;

const everyMix: readonly Parts[] = stacks.flatMap((key) =>
  stacks.flatMap((issuer) =>
    stacks.flatMap((audience) => stacks.map((client) => ({ key, issuer, audience, client }))),
  ),
);

describe("the gate of two stacks", { skip: withoutHaproxy }, () => {
  let gate: RunningGate;
  let certs: Server;
  let url: URL;
  let keys: Record<Stack, SigningKey>;
  /** By team; undefined: its page is not there. */
  const published = new Map<string, SigningKey[] | undefined>();

  const refresh = () => refreshAccessKeys(gate.directory, gate.places.run, teams, { url });

  before(async () => {
    // Both teams use one key ID, as they might.
    keys = { eu: await signingKey("same"), us: await signingKey("same") };
    published.set("team-eu", [keys.eu]).set("team-us", [keys.us]);
    certs = createServer((incoming, response) => {
      const ofTeam = published.get((incoming.headers.host ?? "").replace(".cloudflareaccess.com", ""));
      response.statusCode = ofTeam === undefined ? 404 : 200;
      response.end(JSON.stringify({ keys: (ofTeam ?? []).map(({ jwk }) => jwk) }));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => certs.listen(port, "127.0.0.1", resolve));
    url = new URL(`http://127.0.0.1:${port}/`);
    gate = await runGate({ central: exampleSeveral() });
    assert.deepEqual(orThrow(await refresh()), { changed: true, keys: 2, gate: "reloaded" });
  });

  after(async () => {
    await gate.close();
    certs.closeAllConnections();
    await new Promise((resolve) => certs.close(resolve));
  });

  const push = async ({ key, issuer, audience, client }: Parts, signer = keys[key], clientDigit?: string) =>
    gate.send("metrics", {
      // One that was open before a reload is answered once more by the worker before.
      agent: new Agent(),
      headers: [
        [
          "Cf-Access-Jwt-Assertion",
          await assertion(signer, {
            iss: `https://team-${issuer}.cloudflareaccess.com`,
            aud: [audiences[audience].repeat(64)],
            common_name: `${(clientDigit ?? clients[client]).repeat(32)}.access`,
          }),
        ],
      ],
    });

  const of = (stack: Stack): Parts => ({ key: stack, issuer: stack, audience: stack, client: stack });

  for (const mix of everyMix) {
    const { key, issuer, audience, client } = mix;
    const isGood = new Set([key, issuer, audience, client]).size === 1;
    it(`${isGood ? "lets in" : "refuses"} key ${key}, issuer ${issuer}, audience ${audience}, client ${client}`, async () => {
      const { status, headers } = await push(mix);
      const reason =
        key !== issuer
          ? "signature"
          : issuer !== audience
            ? "audience"
            : isGood
              ? "handed-on"
              : "unknown-client";
      assert.deepEqual(
        [status, headers["x-sitepass-gate"]],
        [isGood ? 204 : reason === "signature" ? 401 : 503, reason],
      );
      assert.deepEqual(
        gate.stores.take().map((arrived) => arrived.url),
        isGood ? [`/api/v1/write?extra_label=provider=${siteOf[client]}`] : [],
      );
    });
  }

  it("knows a site that is moving by both of its tokens", async () => {
    for (const [stack, digit] of [
      ["eu", "2"],
      ["us", "4"],
    ] as const) {
      assert.equal((await push(of(stack), undefined, digit)).status, 204);
      assert.match(gate.stores.take()[0]?.url ?? "", /=oslo$/);
    }
    assert.equal((await push(of("eu"), undefined, "4")).status, 503);
    const { sites } = exampleSeveral();
    assert.deepEqual(orThrow(await updateSiteMap(gate.directory, gate.places.run, sites)), {
      sites: 4,
      changed: false,
      gate: "unchanged",
    });
  });

  it("refuses another team, and a key ID that names a team itself", async () => {
    const stranger = await signingKey("same@team-us");
    assert.equal((await push(of("us"), stranger)).headers["x-sitepass-gate"], "unknown-key");
    const jwt = await assertion(keys.eu, { iss: "https://team-xx.cloudflareaccess.com" });
    const { headers } = await gate.send("metrics", { headers: [["Cf-Access-Jwt-Assertion", jwt]] });
    assert.equal(headers["x-sitepass-gate"], "issuer");
  });

  it("takes the keys of one team while the other's cannot be fetched, and says so", async () => {
    const before = readFileSync(join(gate.directory, "textfiles/sitepass-keys-team-us.prom"), "utf8");
    writeFileSync(join(gate.directory, "textfiles/sitepass-keys.prom"), "of one stack, before\n");
    const next = await signingKey("next");
    published.set("team-eu", [keys.eu, next]).set("team-us", undefined);
    const refreshed = await refresh();
    assert.deepEqual(refreshed.ok ? [] : refreshed.problems.map(problemText).length, 1);
    assert.equal((await push(of("eu"), next)).status, 204);
    assert.equal((await push(of("us"))).status, 204);
    assert.equal(readFileSync(join(gate.directory, "textfiles/sitepass-keys-team-us.prom"), "utf8"), before);
    assert.match(
      readFileSync(join(gate.directory, "textfiles/sitepass-keys-team-eu.prom"), "utf8"),
      /^sitepass_gate_keys\{team="team-eu"\} 2$/m,
    );
    assert.throws(() => readFileSync(join(gate.directory, "textfiles/sitepass-keys.prom")));
  });
});
