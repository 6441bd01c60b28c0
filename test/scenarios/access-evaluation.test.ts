import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  applicationLetsIn,
  decidingApplication,
  isValidToken,
  type LetsIn,
  type Sender,
} from "../../cloudflare/access-evaluation";
import { addressOfNobody } from "../../cloudflare/access-policies";
import { listApplicationsWithRules } from "../../cloudflare/access-applications";
import { listTokens } from "../../cloudflare/service-tokens";
import { hashClientSecret } from "cloudflare-standin/api/service-tokens";
import type { AccessPolicy, Rule } from "cloudflare-standin/api/rows";
import { applicationFor, accessDecision } from "cloudflare-standin/edge/access/access-decision";
import { authenticate } from "cloudflare-standin/edge/access/service-credentials";
import { testApplication, testPolicy, testToken } from "cloudflare-standin/testing/edge-rows";
import { openTestFleet } from "../../operate/testing/test-fleet";

const now = new Date("2026-11-23T12:00:00Z");

type Policy = Partial<AccessPolicy>;

interface Application {
  readonly uris: readonly string[];
  /** In the order of precedence. */
  readonly policies: readonly Policy[];
}

const app = (uris: string | readonly string[], ...policies: readonly Policy[]): Application => ({
  uris: typeof uris === "string" ? [uris] : uris,
  policies,
});

const policy =
  (decision: AccessPolicy["decision"]) =>
  (include: Rule | readonly Rule[], conditions: Pick<Policy, "exclude" | "require"> = {}): Policy => ({
    decision,
    include: [include].flat(),
    ...conditions,
  });

const serviceAuth = policy("non_identity");
const bypass = policy("bypass");
const allow = policy("allow");
const block = policy("deny");

const named = (token: string): Rule => ({ service_token: { token_id: token } });
const anyToken: Rule = { any_valid_service_token: {} };
const everyone: Rule = { everyone: {} };
const office: Rule = { ip: { ip: "203.0.113.0/24" } };
const nobodysAddress: Rule = { ip: { ip: addressOfNobody } };
const japan: Rule = { geo: { country_code: "JP" } };
const group: Rule = { group: { id: "group" } };
const certificate: Rule = { certificate: {} };
const email: Rule = { email: { email: "tokyo@example.com" } };

/** Inside and outside of `office`, both in Japan, in no group and without a certificate, as far as the stand-in knows. */
const addresses = ["203.0.113.7", "198.51.100.7"] as const;

interface Case extends Circumstances {
  readonly says: string;
  readonly applications: readonly Application[];
  readonly letsIn: LetsIn;
  /** Of a "perhaps": what the stand-in answers at each of the addresses. */
  readonly answers?: readonly [inside: boolean, outside: boolean];
}

interface Circumstances {
  /** Default: prom.example.com/api/v1/write. */
  readonly url?: string;
  /** Default: tokyo. */
  readonly token?: "tokyo" | "osaka" | "disabled" | "expired" | "lasting" | "none";
  /** Index of the application that decides; undefined: none does. Default: the first. */
  readonly decides?: number | undefined;
}

const letIn = (says: string, applications: readonly Application[], more: Circumstances = {}): Case => ({
  says,
  applications,
  letsIn: "yes",
  ...more,
});

const refused = (says: string, applications: readonly Application[], more: Circumstances = {}): Case => ({
  ...letIn(says, applications, more),
  letsIn: "no",
});

const perhaps = (
  says: string,
  applications: readonly Application[],
  more: Circumstances & Required<Pick<Case, "answers">>,
): Case => ({ ...letIn(says, applications), letsIn: "perhaps", ...more });

const write = "prom.example.com/api/v1/write";

const cases: readonly Case[] = [
  // Which application decides.
  letIn("no application at all lets in everybody", [], { decides: undefined }),
  letIn("no application at all lets in everybody without a token too", [], {
    token: "none",
    decides: undefined,
  }),
  letIn(
    "an application on another host leaves the host open",
    [app("loki.example.com", serviceAuth(named("osaka")))],
    { decides: undefined },
  ),
  letIn("an application on another path leaves the rest open", [app("prom.example.com/api/v1/query")], {
    decides: undefined,
  }),
  letIn("an application on the whole host decides about its paths", [
    app("prom.example.com", serviceAuth(named("tokyo"))),
  ]),
  refused("an application without policies refuses everybody", [app("prom.example.com")]),
  refused("a longer path inherits nothing from the host", [
    app(write),
    app("prom.example.com", serviceAuth(named("tokyo"))),
  ]),
  letIn(
    "a longer path decides, wherever it stands in the list",
    [app("prom.example.com"), app(write, serviceAuth(named("tokyo")))],
    { decides: 1 },
  ),
  refused(
    "the longest of three paths decides",
    [
      app("prom.example.com/api", serviceAuth(named("tokyo"))),
      app("prom.example.com/api/v1", serviceAuth(named("osaka"))),
      app("prom.example.com", serviceAuth(named("tokyo"))),
    ],
    { decides: 1 },
  ),
  letIn("a path covers what is below it", [app("prom.example.com/api", serviceAuth(named("tokyo")))]),
  letIn("a path does not cover what only begins alike", [app("prom.example.com/api/v1/wr")], {
    decides: undefined,
  }),
  letIn("a path does not cover what is above it", [app(`${write}/more`)], { decides: undefined }),
  letIn("case counts in a path", [app("prom.example.com/API/v1/write")], { decides: undefined }),
  letIn("case does not count in a host name", [
    app("Prom.Example.com/api/v1/write", serviceAuth(named("tokyo"))),
  ]),
  letIn("a slash at the end of a path does not count", [app(`${write}/`, serviceAuth(named("tokyo")))]),
  letIn("a slash at the end of a host covers the whole of it", [
    app("prom.example.com/", serviceAuth(named("tokyo"))),
  ]),
  letIn("all paths are the whole host", [app("prom.example.com/*", serviceAuth(named("tokyo")))]),
  refused("all paths cover the host's own page", [app("prom.example.com/*")], { url: "prom.example.com/" }),
  letIn("a dot is a dot", [app("prom.example.com/apixv1/write"), app("promxexample.com")], {
    url: "prom.example.com/api.v1/write",
    decides: undefined,
  }),
  letIn("a wildcard at the end of a path covers what is below", [
    app("prom.example.com/api/*", serviceAuth(named("tokyo"))),
  ]),
  letIn("a wildcard below a path does not cover the path itself", [app(`${write}/*`)], {
    decides: undefined,
  }),
  letIn("a wildcard within a path crosses slashes", [
    app("prom.example.com/a*/write", serviceAuth(named("tokyo"))),
  ]),
  letIn("a wildcard within a path does not end it", [app("prom.example.com/a*/read")], {
    decides: undefined,
  }),
  letIn(
    "a whole path comes before a wildcard of its length",
    [app("prom.example.com/api/v1/w*rite"), app(write, serviceAuth(named("tokyo")))],
    { decides: 1 },
  ),
  refused(
    "a longer path with a wildcard comes before a shorter one without",
    [
      app("prom.example.com/api", serviceAuth(named("tokyo"))),
      app("prom.example.com/api/v1/*", serviceAuth(named("osaka"))),
    ],
    { decides: 1 },
  ),
  letIn("a wildcard host covers the host", [app("*.example.com", serviceAuth(named("tokyo")))]),
  letIn("a wildcard host stays within its label", [app("*.com")], { decides: undefined }),
  letIn("a wildcard host needs its label", [app("*.prom.example.com")], { decides: undefined }),
  letIn("a wildcard may be a part of a label", [app("pr*.example.com", serviceAuth(named("tokyo")))]),
  letIn("a wildcard may stand for no text within a label", [
    app("*prom.example.com", serviceAuth(named("tokyo"))),
  ]),
  refused(
    "a full host comes before a wildcard host with a longer path",
    [app("*.example.com/api/v1/write", serviceAuth(named("tokyo"))), app("prom.example.com")],
    { decides: 1 },
  ),
  refused("a longer wildcard host comes before a shorter one", [app("*.example.com"), app("prom.*.com")], {
    url: "prom.example.com/",
    decides: 0,
  }),
  letIn("each destination of an application counts", [
    app(["loki.example.com", write], serviceAuth(named("tokyo"))),
    app("prom.example.com", serviceAuth(named("osaka"))),
  ]),
  // Decisions.
  letIn("Service Auth lets in the token that it names", [app(write, serviceAuth(named("tokyo")))]),
  refused("Service Auth does not let in another token", [app(write, serviceAuth(named("tokyo")))], {
    token: "osaka",
  }),
  refused(
    "Service Auth does not let in somebody without a token",
    [app(write, serviceAuth(named("tokyo")))],
    { token: "none" },
  ),
  refused("Allow lets no token in, even one that it names", [
    app(write, allow([named("tokyo"), anyToken, everyone])),
  ]),
  refused("Block lets nobody in", [app(write, block(named("osaka")))]),
  letIn("Bypass for everyone lets in a token", [app(write, bypass(everyone))]),
  letIn("Bypass for everyone lets in somebody without a token", [app(write, bypass(everyone))], {
    token: "none",
  }),
  refused("Bypass lets in no more than its rules name", [app(write, bypass(email))], { token: "none" }),
  refused("Bypass with nothing to include lets nobody in", [app(write, bypass([]))]),
  // Precedence.
  letIn("Block takes nothing from Service Auth after it", [
    app(write, block(everyone), serviceAuth(named("tokyo"))),
  ]),
  letIn("Block takes nothing from Bypass after it", [app(write, block(everyone), bypass(everyone))], {
    token: "none",
  }),
  letIn("Allow before Service Auth keeps no token out", [
    app(write, allow(everyone), serviceAuth(named("tokyo"))),
  ]),
  letIn("one policy that does not match keeps nobody from the next", [
    app(write, serviceAuth(named("osaka")), serviceAuth(named("tokyo"))),
  ]),
  letIn("an exclusion of one policy takes nothing from another", [
    app(write, serviceAuth(anyToken, { exclude: [named("tokyo")] }), serviceAuth(named("tokyo"))),
  ]),
  // Rules.
  letIn("one of several rules is enough", [app(write, serviceAuth([named("osaka"), email, named("tokyo")]))]),
  refused("an empty include matches nobody", [app(write, serviceAuth([]))]),
  letIn("any valid token is any token", [app(write, serviceAuth(anyToken))], { token: "osaka" }),
  refused("any valid token is none without one", [app(write, serviceAuth(anyToken))], { token: "none" }),
  letIn("Service Auth for everyone needs no token", [app(write, serviceAuth(everyone))], { token: "none" }),
  refused("no token is a person", [app(write, serviceAuth(email))]),
  refused("an excluded token is kept out", [
    app(write, serviceAuth(anyToken, { exclude: [named("tokyo")] })),
  ]),
  letIn("an exclusion of another token keeps nobody else out", [
    app(write, serviceAuth(anyToken, { exclude: [named("osaka"), email] })),
  ]),
  refused("each requirement has to be met", [
    app(write, serviceAuth(named("tokyo"), { require: [anyToken, named("osaka")] })),
  ]),
  letIn("requirements that are met keep nobody out", [
    app(write, serviceAuth(everyone, { require: [anyToken, named("tokyo")] })),
  ]),
  refused("a person's attribute is a requirement that no token meets", [
    app(write, serviceAuth(named("tokyo"), { require: [email] })),
  ]),
  // Tokens.
  refused("a disabled token is none", [app(write, serviceAuth([named("disabled"), anyToken]))], {
    token: "disabled",
  }),
  refused("an expired token is none", [app(write, serviceAuth([named("expired"), anyToken]))], {
    token: "expired",
  }),
  letIn("a token without an expiry is one", [app(write, serviceAuth(named("lasting")))], {
    token: "lasting",
  }),
  letIn("an expired token is as good as none where none is needed", [app(write, bypass(everyone))], {
    token: "expired",
  }),
  // What the account does not tell.
  perhaps("an address decides", [app(write, bypass(office))], { token: "none", answers: [true, false] }),
  perhaps(
    "an address that is required decides",
    [app(write, serviceAuth(named("tokyo"), { require: [office] }))],
    { answers: [true, false] },
  ),
  perhaps(
    "an address that is excluded decides",
    [app(write, serviceAuth(named("tokyo"), { exclude: [office] }))],
    { answers: [false, true] },
  ),
  letIn("an address beside the token that is named does not matter", [
    app(write, serviceAuth([office, named("tokyo")])),
  ]),
  refused("an address that nobody has lets nobody in", [app(write, serviceAuth(nobodysAddress))]),
  refused("an address does not help against a requirement that is not met", [
    app(write, serviceAuth(office, { require: [named("osaka")] })),
  ]),
  letIn("an address in one policy does not matter where another lets in", [
    app(write, bypass(office), serviceAuth(named("tokyo"))),
  ]),
  // The stand-in knows no groups, countries and certificates: to it they match nobody.
  perhaps("a group may hold the token", [app(write, serviceAuth(group))], { answers: [false, false] }),
  perhaps("a country may be the sender's", [app(write, serviceAuth(named("tokyo"), { exclude: [japan] }))], {
    answers: [true, true],
  }),
  perhaps("a certificate may come with the request", [app(write, serviceAuth(certificate))], {
    token: "none",
    answers: [false, false],
  }),
];

describe("who Access lets in, by the project and by the stand-in's edge", () => {
  it("is the same for both in every case", async (t) => {
    const { api, standIn, stack } = await openTestFleet(t, { sites: {}, provisioned: false });
    const { database } = standIn;
    const { accountId } = stack.config;
    const put = (id: string, fields: Parameters<typeof testToken>[0]) =>
      database.serviceTokens.set(
        id,
        testToken({
          id,
          client_id: `${id}.access`,
          name: id,
          clientSecretHash: hashClientSecret(`${id}'s secret`),
          ...fields,
        }),
      );
    put("tokyo", {});
    put("osaka", {});
    put("disabled", { enabled: false });
    put("expired", { expires_at: "2026-11-23T12:00:00Z" });
    put("lasting", { expires_at: "9999-12-31T23:59:59Z", duration: "forever" });
    const listed = await listTokens(api, accountId);
    assert.equal(listed.kind, "answered");
    const tokens = listed.value;

    for (const { says, applications, url = write, token = "tokyo", letsIn, ...one } of cases) {
      database.applications.clear();
      database.policies.clear();
      for (const [number, { uris, policies }] of applications.entries()) {
        const links = policies.map((fields, index) => {
          const id = `${number}-${index}`;
          database.policies.set(id, testPolicy({ id, name: id, ...fields }));
          return { id, precedence: index + 1 };
        });
        const destinations = uris.map((uri) => ({ type: "public" as const, uri }));
        database.applications.set(
          String(number),
          testApplication({ id: String(number), domain: uris[0] ?? "", destinations, policies: links }),
        );
      }
      const host = url.slice(0, url.indexOf("/"));
      const path = url.slice(host.length);
      const decides = "decides" in one ? one.decides : 0;
      const expected = decides === undefined ? undefined : String(decides);

      // The project, from what the API answers.
      const read = await listApplicationsWithRules(api, accountId);
      assert.equal(read.kind, "answered");
      const found = tokens.find(({ id }) => id === token);
      const sender: Sender = found !== undefined && isValidToken(found, now) ? found : "without a token";
      const deciding = decidingApplication(read.value, host, path);
      assert.equal(deciding?.id, expected, says);
      assert.equal(deciding === undefined ? "yes" : applicationLetsIn(deciding, sender), letsIn, says);

      // The stand-in's edge, from its rows.
      const row = applicationFor(database, host, path);
      assert.equal(row?.id, expected, `${says}, at the stand-in's edge`);
      const authenticated = authenticate(
        token === "none"
          ? { kind: "none" }
          : { kind: "pair", clientId: `${token}.access`, clientSecret: `${token}'s secret` },
        database,
        now,
      );
      assert.deepEqual(
        addresses.map(
          (address) =>
            row === undefined ||
            accessDecision(row, database, { token: authenticated.token, address }).verdict !== "blocked",
        ),
        one.answers ?? addresses.map(() => letsIn === "yes"),
        `${says}, at the stand-in's edge`,
      );
      assert.equal(one.answers !== undefined, letsIn === "perhaps", says);
    }
  });
});
