import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { likelyCause, type RefusedPush } from "./remedies";

const refused: RefusedPush = {
  site: {
    name: "tokyo",
    file: "sites/tokyo.yaml",
    description: undefined,
    signals: ["metrics"],
    labels: {},
    token: { duration: "8760h", enabled: true, secretVersion: 1, previousSecretExpiresAt: undefined },
    collector: undefined,
    shard: "",
  },
  signal: "metrics",
  credentials: {
    clientId: "tokyo.access",
    clientSecret: "a secret",
    expiresAt: "2027-11-24T00:00:00Z",
    endpoints: { metrics: "https://prom.example.com/api/v1/write" },
  },
  status: 401,
  text: "",
  strict: undefined,
  letInSomewhere: false,
  now: new Date("2026-11-24T00:00:00Z"),
};

const rotated = (previousSecretExpiresAt: string): RefusedPush["site"] => ({
  ...refused.site,
  token: { ...refused.site.token, secretVersion: 2, previousSecretExpiresAt },
});

describe("likelyCause", () => {
  it("names what is certain before what is likely", () => {
    const certain: readonly (readonly [Partial<RefusedPush>, string])[] = [
      [{ now: new Date("2027-11-24T00:00:00Z") }, "the token expired at 2027-11-24T00:00:00Z"],
      [
        { credentials: { ...refused.credentials, endpoints: {} } },
        "the last up did not let the site push metrics",
      ],
      [
        { letInSomewhere: true },
        "the secret is good, as it is let in elsewhere, but no policy of metrics lets it in",
      ],
      [{ strict: true, status: 403 }, "the secret is good, but no policy of metrics lets it in"],
    ];
    for (const [values, says] of certain) {
      assert.equal(likelyCause({ ...refused, ...values }).says, says);
    }
  });

  it("takes a token without an expiry for one that never expires", () => {
    const credentials = { ...refused.credentials, expiresAt: "" };
    const { says } = likelyCause({ ...refused, credentials, now: new Date("2100-01-01T00:00:00Z") });
    assert.match(says, /^the stored secret is not the token's any more/);
  });

  it("tells less without strict mode than with it", () => {
    assert.match(
      likelyCause({ ...refused, strict: true }).says,
      /^the stored secret does not authenticate: /,
    );
    for (const strict of [false, undefined]) {
      const { says, todo } = likelyCause({ ...refused, strict });
      assert.match(says, /; this organization answers all of these alike$/);
      assert.match(todo, /Strict service token mode tells them apart/);
    }
  });

  it("does not decide between Access and a service that may have answered", () => {
    const text = '{"error":"authentication required"}';
    for (const strict of [true, false, undefined]) {
      const { says, todo } = likelyCause({ ...refused, strict, text });
      assert.equal(
        says,
        `either Access refuses the stored secret, or the service behind it asks for credentials of its own ("${text}"); nothing in the answer tells which`,
      );
      assert.match(todo, /^Read in Zero Trust > Insights > Logs > Access whether it has the refusal: /);
      assert.doesNotMatch(todo, /rotate <site>/);
    }
  });

  it("advises nothing that ends what may work", () => {
    for (const strict of [true, false, undefined]) {
      for (const status of [401, 403] as const) {
        for (const text of ["", "Unauthorized"]) {
          const { todo } = likelyCause({ ...refused, strict, status, text });
          assert.doesNotMatch(todo, /--now|--immediately|[Dd]elete/);
        }
      }
    }
  });

  it("names the end of a rotation's window once it is over", () => {
    const over =
      "or the stack was restored from before secret version 2, when the secret ended at 2026-11-01T00:00:00Z";
    for (const strict of [true, false]) {
      assert.ok(
        likelyCause({ ...refused, strict, site: rotated("2026-11-01T00:00:00Z") }).says.includes(over),
      );
      assert.ok(
        !likelyCause({ ...refused, strict, site: rotated("2026-12-01T00:00:00Z") }).says.includes("restored"),
      );
    }
  });
});
