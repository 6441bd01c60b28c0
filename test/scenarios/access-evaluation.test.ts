import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  applicationLetsIn,
  decidingApplication,
  isValidToken,
  type LetsIn,
  type Sender,
} from "../../cloudflare/access-evaluation";
import { listApplicationsWithRules } from "../../cloudflare/access-applications";
import { listTokens } from "../../cloudflare/service-tokens";
import { hashClientSecret } from "../../packages/cloudflare-standin/api/client-secrets";
import type { AccessPolicy, Rule } from "../../packages/cloudflare-standin/api/rows";
import { applicationFor } from "../../packages/cloudflare-standin/edge/application-match";
import { evaluatePolicies } from "../../packages/cloudflare-standin/edge/policy-order";
import { authenticate } from "../../packages/cloudflare-standin/edge/service-token-check";
import { testApplication, testPolicy, testToken } from "../../packages/cloudflare-standin/edge/test-rows";
import { openTestFleet } from "../../operate/test-fleet";

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
const japan: Rule = { geo: { country_code: "JP" } };
const group: Rule = { group: { id: "group" } };
const certificate: Rule = { certificate: {} };
const email: Rule = { email: { email: "tokyo@example.com" } };

/** Inside and outside of `office`, both in Japan, in no group and without a certificate, as far as the stand-in knows. */
const addresses = ["203.0.113.7", "198.51.100.7"] as const;

interface Case {
  readonly says: string;
  readonly applications: readonly Application[];
  /** Default: prom.example.com/api/v1/write. */
  readonly url?: string;
  /** Default: tokyo. */
  readonly token?: "tokyo" | "osaka" | "disabled" | "expired" | "lasting" | "none";
  /** Index of the application that decides; undefined: none does. Default: the first. */
  readonly decides?: number | undefined;
  readonly letsIn: LetsIn;
  /** Of a "perhaps": what the stand-in answers at each of the addresses. */
  readonly answers?: readonly [inside: boolean, outside: boolean];
}

const write = "prom.example.com/api/v1/write";

const cases: readonly Case[] = [
  // Which application decides.
  { says: "no application at all lets in everybody", applications: [], decides: undefined, letsIn: "yes" },
  {
    says: "no application at all lets in everybody without a token too",
    applications: [],
    token: "none",
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "an application on another host leaves the host open",
    applications: [app("loki.example.com", serviceAuth(named("osaka")))],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "an application on another path leaves the rest open",
    applications: [app("prom.example.com/api/v1/query")],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "an application on the whole host decides about its paths",
    applications: [app("prom.example.com", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "an application without policies refuses everybody",
    applications: [app("prom.example.com")],
    letsIn: "no",
  },
  {
    says: "a longer path inherits nothing from the host",
    applications: [app(write), app("prom.example.com", serviceAuth(named("tokyo")))],
    letsIn: "no",
  },
  {
    says: "a longer path decides, wherever it stands in the list",
    applications: [app("prom.example.com"), app(write, serviceAuth(named("tokyo")))],
    decides: 1,
    letsIn: "yes",
  },
  {
    says: "the longest of three paths decides",
    applications: [
      app("prom.example.com/api", serviceAuth(named("tokyo"))),
      app("prom.example.com/api/v1", serviceAuth(named("osaka"))),
      app("prom.example.com", serviceAuth(named("tokyo"))),
    ],
    decides: 1,
    letsIn: "no",
  },
  {
    says: "a path covers what is below it",
    applications: [app("prom.example.com/api", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a path does not cover what only begins alike",
    applications: [app("prom.example.com/api/v1/wr")],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "a path does not cover what is above it",
    applications: [app(`${write}/more`)],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "case counts in a path",
    applications: [app("prom.example.com/API/v1/write")],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "case does not count in a host name",
    applications: [app("Prom.Example.com/api/v1/write", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a slash at the end of a path does not count",
    applications: [app(`${write}/`, serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a slash at the end of a host covers the whole of it",
    applications: [app("prom.example.com/", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "all paths are the whole host",
    applications: [app("prom.example.com/*", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "all paths cover the host's own page",
    applications: [app("prom.example.com/*")],
    url: "prom.example.com/",
    letsIn: "no",
  },
  {
    says: "a dot is a dot",
    applications: [app("prom.example.com/apixv1/write"), app("promxexample.com")],
    url: "prom.example.com/api.v1/write",
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "a wildcard at the end of a path covers what is below",
    applications: [app("prom.example.com/api/*", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a wildcard below a path does not cover the path itself",
    applications: [app(`${write}/*`)],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "a wildcard within a path crosses slashes",
    applications: [app("prom.example.com/a*/write", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a wildcard within a path does not end it",
    applications: [app("prom.example.com/a*/read")],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "a whole path comes before a wildcard of its length",
    applications: [app("prom.example.com/api/v1/w*rite"), app(write, serviceAuth(named("tokyo")))],
    decides: 1,
    letsIn: "yes",
  },
  {
    says: "a longer path with a wildcard comes before a shorter one without",
    applications: [
      app("prom.example.com/api", serviceAuth(named("tokyo"))),
      app("prom.example.com/api/v1/*", serviceAuth(named("osaka"))),
    ],
    decides: 1,
    letsIn: "no",
  },
  {
    says: "a wildcard host covers the host",
    applications: [app("*.example.com", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a wildcard host stays within its label",
    applications: [app("*.com")],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "a wildcard host needs its label",
    applications: [app("*.prom.example.com")],
    decides: undefined,
    letsIn: "yes",
  },
  {
    says: "a wildcard may be a part of a label",
    applications: [app("pr*.example.com", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a wildcard may stand for no text within a label",
    applications: [app("*prom.example.com", serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "a full host comes before a wildcard host with a longer path",
    applications: [app("*.example.com/api/v1/write", serviceAuth(named("tokyo"))), app("prom.example.com")],
    decides: 1,
    letsIn: "no",
  },
  {
    says: "a longer wildcard host comes before a shorter one",
    applications: [app("*.example.com"), app("prom.*.com")],
    url: "prom.example.com/",
    decides: 0,
    letsIn: "no",
  },
  {
    says: "each destination of an application counts",
    applications: [
      app(["loki.example.com", write], serviceAuth(named("tokyo"))),
      app("prom.example.com", serviceAuth(named("osaka"))),
    ],
    letsIn: "yes",
  },
  // Decisions.
  {
    says: "Service Auth lets in the token that it names",
    applications: [app(write, serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "Service Auth does not let in another token",
    applications: [app(write, serviceAuth(named("tokyo")))],
    token: "osaka",
    letsIn: "no",
  },
  {
    says: "Service Auth does not let in somebody without a token",
    applications: [app(write, serviceAuth(named("tokyo")))],
    token: "none",
    letsIn: "no",
  },
  {
    says: "Allow lets no token in, even one that it names",
    applications: [app(write, allow([named("tokyo"), anyToken, everyone]))],
    letsIn: "no",
  },
  { says: "Block lets nobody in", applications: [app(write, block(named("osaka")))], letsIn: "no" },
  {
    says: "Bypass for everyone lets in a token",
    applications: [app(write, bypass(everyone))],
    letsIn: "yes",
  },
  {
    says: "Bypass for everyone lets in somebody without a token",
    applications: [app(write, bypass(everyone))],
    token: "none",
    letsIn: "yes",
  },
  {
    says: "Bypass lets in no more than its rules name",
    applications: [app(write, bypass(email))],
    token: "none",
    letsIn: "no",
  },
  {
    says: "Bypass with nothing to include lets nobody in",
    applications: [app(write, bypass([]))],
    letsIn: "no",
  },
  // Precedence.
  {
    says: "Block takes nothing from Service Auth after it",
    applications: [app(write, block(everyone), serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "Block takes nothing from Bypass after it",
    applications: [app(write, block(everyone), bypass(everyone))],
    token: "none",
    letsIn: "yes",
  },
  {
    says: "Allow before Service Auth keeps no token out",
    applications: [app(write, allow(everyone), serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "one policy that does not match keeps nobody from the next",
    applications: [app(write, serviceAuth(named("osaka")), serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  {
    says: "an exclusion of one policy takes nothing from another",
    applications: [
      app(write, serviceAuth(anyToken, { exclude: [named("tokyo")] }), serviceAuth(named("tokyo"))),
    ],
    letsIn: "yes",
  },
  // Rules.
  {
    says: "one of several rules is enough",
    applications: [app(write, serviceAuth([named("osaka"), email, named("tokyo")]))],
    letsIn: "yes",
  },
  { says: "an empty include matches nobody", applications: [app(write, serviceAuth([]))], letsIn: "no" },
  {
    says: "any valid token is any token",
    applications: [app(write, serviceAuth(anyToken))],
    token: "osaka",
    letsIn: "yes",
  },
  {
    says: "any valid token is none without one",
    applications: [app(write, serviceAuth(anyToken))],
    token: "none",
    letsIn: "no",
  },
  {
    says: "Service Auth for everyone needs no token",
    applications: [app(write, serviceAuth(everyone))],
    token: "none",
    letsIn: "yes",
  },
  { says: "no token is a person", applications: [app(write, serviceAuth(email))], letsIn: "no" },
  {
    says: "an excluded token is kept out",
    applications: [app(write, serviceAuth(anyToken, { exclude: [named("tokyo")] }))],
    letsIn: "no",
  },
  {
    says: "an exclusion of another token keeps nobody else out",
    applications: [app(write, serviceAuth(anyToken, { exclude: [named("osaka"), email] }))],
    letsIn: "yes",
  },
  {
    says: "each requirement has to be met",
    applications: [app(write, serviceAuth(named("tokyo"), { require: [anyToken, named("osaka")] }))],
    letsIn: "no",
  },
  {
    says: "requirements that are met keep nobody out",
    applications: [app(write, serviceAuth(everyone, { require: [anyToken, named("tokyo")] }))],
    letsIn: "yes",
  },
  {
    says: "a person's attribute is a requirement that no token meets",
    applications: [app(write, serviceAuth(named("tokyo"), { require: [email] }))],
    letsIn: "no",
  },
  // Tokens.
  {
    says: "a disabled token is none",
    applications: [app(write, serviceAuth([named("disabled"), anyToken]))],
    token: "disabled",
    letsIn: "no",
  },
  {
    says: "an expired token is none",
    applications: [app(write, serviceAuth([named("expired"), anyToken]))],
    token: "expired",
    letsIn: "no",
  },
  {
    says: "a token without an expiry is one",
    applications: [app(write, serviceAuth(named("lasting")))],
    token: "lasting",
    letsIn: "yes",
  },
  {
    says: "an expired token is as good as none where none is needed",
    applications: [app(write, bypass(everyone))],
    token: "expired",
    letsIn: "yes",
  },
  // What the account does not tell.
  {
    says: "an address decides",
    applications: [app(write, bypass(office))],
    token: "none",
    letsIn: "perhaps",
    answers: [true, false],
  },
  {
    says: "an address that is required decides",
    applications: [app(write, serviceAuth(named("tokyo"), { require: [office] }))],
    letsIn: "perhaps",
    answers: [true, false],
  },
  {
    says: "an address that is excluded decides",
    applications: [app(write, serviceAuth(named("tokyo"), { exclude: [office] }))],
    letsIn: "perhaps",
    answers: [false, true],
  },
  {
    says: "an address beside the token that is named does not matter",
    applications: [app(write, serviceAuth([office, named("tokyo")]))],
    letsIn: "yes",
  },
  {
    says: "an address does not help against a requirement that is not met",
    applications: [app(write, serviceAuth(office, { require: [named("osaka")] }))],
    letsIn: "no",
  },
  {
    says: "an address in one policy does not matter where another lets in",
    applications: [app(write, bypass(office), serviceAuth(named("tokyo")))],
    letsIn: "yes",
  },
  // The stand-in knows no groups, countries and certificates: to it they match nobody.
  {
    says: "a group may hold the token",
    applications: [app(write, serviceAuth(group))],
    letsIn: "perhaps",
    answers: [false, false],
  },
  {
    says: "a country may be the sender's",
    applications: [app(write, serviceAuth(named("tokyo"), { exclude: [japan] }))],
    letsIn: "perhaps",
    answers: [true, true],
  },
  {
    says: "a certificate may come with the request",
    applications: [app(write, serviceAuth(certificate))],
    token: "none",
    letsIn: "perhaps",
    answers: [false, false],
  },
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
    put("lasting", { expires_at: null, duration: "forever" });
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
            evaluatePolicies(row, database, { token: authenticated.token, address }).verdict !== "blocked",
        ),
        one.answers ?? addresses.map(() => letsIn === "yes"),
        `${says}, at the stand-in's edge`,
      );
      assert.equal(one.answers !== undefined, letsIn === "perhaps", says);
    }
  });
});
