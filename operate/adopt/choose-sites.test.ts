import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resolveSites, type Site } from "../../fleet/sites";
import { siteSchema } from "../../fleet/site-schema";
import { resourceTypes } from "../../provision/declared-objects";
import {
  application,
  attached,
  handmade,
  letsIn,
  planFor,
  policy,
  resource,
  testConfig,
  token,
  withPrometheus,
} from "./testing/handmade-account";

/** A site that has a file with these values. */
function site(name: string, values: unknown = {}): Site {
  const [found] = resolveSites(
    [{ name, file: `sites/${name}.yaml`, values: siteSchema.parse(values) }],
    testConfig(),
  );
  assert.ok(found !== undefined);
  return found;
}

/** An account in which these tokens may push both signals. */
function fleetOf(...names: readonly string[]) {
  const push = policy("push", { include: letsIn(...names) });
  return handmade({
    tokens: names.map((name) => token(name)),
    policies: [push],
    applications: [
      application("Prometheus", ["prom.example.com"], { policies: [attached(push)] }),
      application("Loki", ["loki.example.com"], { policies: [attached(push)] }),
    ],
  });
}

const texts = (plan: ReturnType<typeof planFor>): Record<string, string | undefined> =>
  Object.fromEntries(plan.sites.map(({ site: { name }, newFile }) => [name, newFile?.text]));

const schema = "# yaml-language-server: $schema=../site.schema.json\n";

describe("which tokens become which sites", () => {
  it("takes the tokens that Service Auth policies let in on the write paths, and no others", () => {
    const push = policy("push", { include: letsIn("tokyo") });
    const people = policy("people", { decision: "allow", include: letsIn("osaka") });
    const elsewhere = policy("elsewhere", { include: letsIn("kyoto") });
    const plan = planFor(
      handmade({
        tokens: ["tokyo", "osaka", "kyoto", "nara"].map((name) => token(name)),
        policies: [push, people, elsewhere],
        applications: [
          application("Prometheus", ["prom.example.com"], { policies: [attached(push), attached(people)] }),
          application("Wiki", ["wiki.example.com"], { policies: [attached(elsewhere)] }),
        ],
      }),
    );
    assert.deepEqual(texts(plan), { tokyo: `${schema}signals: [metrics]\n` });
  });

  it("stops at a policy whose decision Cloudflare does not say, once for each", () => {
    const push = policy("push", { include: letsIn("tokyo") });
    const untold = policy("untold", { decision: "", include: letsIn("osaka") });
    const both = application("Pushes", ["prom.example.com", "loki.example.com"], {
      policies: [attached(push), attached(untold)],
    });
    const plan = planFor(
      handmade({
        tokens: [token("tokyo"), token("osaka")],
        policies: [push, untold],
        applications: [both],
      }),
    );
    assert.deepEqual(
      plan.refusals.filter((text) => text.includes("decision")),
      [
        'application "Pushes": Cloudflare does not say the decision of its policy "untold", so whom it lets in today cannot be told. Run this again; if it says the same, save the policy anew in the dashboard, or take it off the application.',
      ],
    );
  });

  it("lets the most specific application decide who pushes", () => {
    const wide = policy("wide", { include: letsIn("osaka") });
    const narrow = policy("narrow", { include: letsIn("tokyo") });
    const plan = planFor(
      withPrometheus(
        [
          application("All", ["*.example.com"], { policies: [attached(wide)] }),
          application("Host", ["prom.example.com"], { policies: [attached(wide)] }),
          application("Path", ["prom.example.com/api/v1/write"], { policies: [attached(narrow)] }),
        ],
        { tokens: [token("tokyo"), token("osaka")], policies: [wide, narrow] },
      ),
      { config: testConfig({ endpoints: { metrics: { hostname: "prom.example.com" } } }) },
    );
    assert.deepEqual(Object.keys(texts(plan)), ["tokyo"]);
  });

  it("takes no token that a policy names and then excludes, or under conditions that no token meets", () => {
    const most = policy("most", { include: letsIn("tokyo", "osaka", "kyoto"), exclude: letsIn("osaka") });
    const people = policy("people", {
      include: letsIn("nara"),
      require: [{ email: { email: "a@example.com" } }],
    });
    const office = policy("office", { include: letsIn("lima"), require: [{ ip: { ip: "192.0.2.0/24" } }] });
    const plan = planFor(
      withPrometheus(
        [
          application("Prometheus", ["prom.example.com"], {
            policies: [attached(most), attached(people), attached(office)],
          }),
        ],
        {
          tokens: ["tokyo", "osaka", "kyoto", "nara", "lima"].map((name) => token(name)),
          policies: [most, people, office],
        },
      ),
      { config: testConfig({ endpoints: { metrics: { hostname: "prom.example.com" } } }) },
    );
    assert.deepEqual(Object.keys(texts(plan)), ["kyoto", "lima", "tokyo"]);
  });

  it("takes what bypasses Access for something that a token may push, and not for a choice of tokens", () => {
    const everybody = policy("everybody", { decision: "bypass", include: [{ everyone: {} }] });
    const view = withPrometheus(
      [application("Prometheus", ["prom.example.com"], { policies: [attached(everybody)] })],
      { tokens: [token("tokyo"), token("osaka")], policies: [everybody, policy("push")] },
    );
    assert.deepEqual(texts(planFor(view)), { tokyo: schema });
  });

  it("makes site names of token names, and keeps what a name lost as the description", () => {
    const plan = planFor(fleetOf("Tokyo, rack A", "Köln", "straße_7", "berlin", "sitepass/prod/lima"));
    assert.deepEqual(texts(plan), {
      berlin: schema,
      koln: `${schema}description: Köln\n`,
      lima: schema,
      "strasse-7": `${schema}description: straße_7\n`,
      "tokyo-rack-a": `${schema}description: Tokyo, rack A\n`,
    });
    assert.deepEqual(plan.refusals, []);
  });

  it("refuses names that give none or the same one, and says how to name the site", () => {
    const plan = planFor(fleetOf("東京", "Tokyo", "tokyo!", "sitepass/other/x", "x".repeat(64)));
    assert.deepEqual(plan.refusals, [
      'service token "東京": gives the site name "", which is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Name the site with --site "東京=<site>", or leave the token out with --skip "東京".',
      'service token "sitepass/other/x": belongs to another stack of this project. Leave it out with --skip "sitepass/other/x", or take it out of that stack\'s state first and name its site with --site.',
      `service token "${"x".repeat(64)}": gives the site name "${"x".repeat(64)}", which has 64 characters; 63 are allowed. Name the site with --site "${"x".repeat(64)}=<site>", or leave the token out with --skip "${"x".repeat(64)}".`,
      'sites/tokyo.yaml: would be the site of 2 service tokens ("Tokyo", "tokyo!"). Name another site for all but one, as in --site "tokyo!=tokyo-2", or leave them out, as with --skip "tokyo!".',
    ]);
  });

  it("writes the stack's shard into new files, and refuses the name of a site of another shard", () => {
    const plan = planFor(fleetOf("berlin", "tokyo"), {
      config: testConfig({ shard: "eu" }),
      elsewhere: [{ name: "tokyo", file: "sites/tokyo.yml", shard: "us" }],
    });
    assert.deepEqual(texts(plan), { berlin: `${schema}shard: eu\n` });
    assert.deepEqual(plan.refusals, [
      'service token "tokyo": gives the site name tokyo, and sites/tokyo.yml is in the shard us, which this stack is not. Name another site with --site "tokyo=<site>", or leave the token out with --skip "tokyo".',
    ]);
  });

  it("takes sites by name, and leaves out what is to be skipped, by name, ID or client ID", () => {
    const view = fleetOf("東京", "Tokyo", "tokyo!", "Kyoto");
    const plan = planFor(view, {
      choices: {
        match: [],
        named: [
          { token: "東京", site: "tokyo-east" },
          { token: "tokyo!-id", site: "tokyo-west" },
        ],
        skip: ["Kyoto.access"],
      },
    });
    assert.deepEqual(plan.refusals, []);
    assert.deepEqual(Object.keys(texts(plan)), ["tokyo", "tokyo-east", "tokyo-west"]);
    assert.deepEqual(
      plan.losses,
      ["Prometheus", "Loki"].map(
        (name) =>
          `application "${name}": its policy "push" lets in 1 service token that becomes no site ("Kyoto"), and \`up\` shuts it out. Choose it too, or make sure that nobody uses it.`,
      ),
    );
  });

  it("asks for IDs where tokens share a name, and for tokens that exist", () => {
    const view = {
      ...fleetOf("tokyo"),
      tokens: [token("tokyo"), token("tokyo", { id: "second" }), token("osaka")],
    };
    const plan = planFor(view, {
      choices: { match: [], named: [{ token: "tokyo", site: "tokyo" }], skip: ["osaca"] },
    });
    assert.deepEqual(plan.refusals, [
      '--skip: names the token "osaca", which the account does not have. Did you mean "osaka"?',
      '--site: names the token "tokyo", and 2 have that name (tokyo-id, second). Give the ID of the one that is meant.',
    ]);
  });

  it("takes what a glob matches, and says who gains by it", () => {
    const view = {
      ...fleetOf("site-a"),
      tokens: ["site-a", "site-b", "Site-c", "other"].map((name) => token(name)),
    };
    const plan = planFor(view, { choices: { match: ["site-?"], named: [], skip: [] } });
    assert.deepEqual(Object.keys(texts(plan)), ["site-a", "site-b"]);
    assert.ok(
      plan.notes.includes(
        'service token "site-b": may not push metrics and logs today, and site site-b may after `up`. Narrow signals in sites/site-b.yaml if that is not meant.',
      ),
    );
    assert.deepEqual(planFor(view, { choices: { match: ["x*"], named: [], skip: [] } }).refusals, [
      '--match: is "x*", which none of the account\'s 4 service tokens matches. Look at their names in the dashboard; * stands for any text.',
    ]);
  });

  it("wants tokens chosen by hand where policies let them in without naming them", () => {
    const any = policy("any", { include: [{ any_valid_service_token: {} }] });
    const view = withPrometheus(
      [application("Prometheus", ["prom.example.com"], { policies: [attached(any)] })],
      {
        tokens: [token("tokyo"), token("osaka")],
        policies: [any],
      },
    );
    assert.deepEqual(planFor(view).refusals, [
      'application "Prometheus": lets tokens in on prom.example.com that it does not name (policy "any"), so which of the account\'s 2 service tokens push cannot be seen. Choose them with --match, such as --match "site-*", or one by one with --site.',
    ]);
    const chosen = planFor(view, { choices: { match: ["tokyo"], named: [], skip: [] } });
    assert.deepEqual(chosen.refusals, []);
    assert.deepEqual(texts(chosen), { tokyo: schema });
    assert.ok(
      chosen.losses.includes(
        'application "Prometheus": its policy "any" lets in every service token of the account, and `up` shuts out the one that becomes no site. Look at "last seen" in the dashboard, and choose those that push.',
      ),
    );
  });

  it("says that nobody is let in where that is so", () => {
    assert.deepEqual(planFor(handmade({ applications: [], policies: [] })).refusals, [
      "adopt: the account has 1 service token, and none is let in on prom.example.com or loki.example.com. Check sitepass:endpoints, or choose tokens with --match or --site.",
    ]);
  });

  it("writes what keeps a token as it is: its duration, and that it is disabled", () => {
    const view = {
      ...fleetOf("tokyo", "lima"),
      tokens: [token("tokyo", { duration: "forever", expiresAt: null }), token("lima", { enabled: false })],
    };
    const plan = planFor(view);
    assert.deepEqual(texts(plan), {
      lima: `${schema}token:\n  enabled: false\n`,
      tokyo: `${schema}token:\n  duration: forever\n`,
    });
    assert.ok(
      plan.notes.includes(
        'service token "lima": is disabled in the dashboard, and site lima stays shut out.',
      ),
    );
    for (const { becomes, changes } of plan.adoptions.filter(
      ({ becomes }) => becomes.type === resourceTypes.token,
    )) {
      assert.deepEqual(
        changes.map(({ property }) => property),
        ["name", "clientSecretVersion"],
        becomes.name,
      );
    }
  });

  it("rotates by the new site file, and leaves a file that is there alone", () => {
    const rotateUntil = "2026-12-01T00:00:00Z";
    const plan = planFor(fleetOf("tokyo", "lima"), { rotateUntil, sites: [site("lima")] });
    assert.deepEqual(texts(plan), {
      lima: undefined,
      tokyo: `${schema}token:\n  secretVersion: 2\n  previousSecretExpiresAt: ${rotateUntil}\n`,
    });
    assert.ok(
      plan.notes.includes(
        "sites/lima.yaml: exists already and is left as it is, so its token is not rotated. Run `npx sitepass rotate lima`.",
      ),
    );
    assert.deepEqual(plan.adoptions[0]?.changes, [
      { property: "name", from: "tokyo", to: "sitepass/prod/tokyo" },
      { property: "clientSecretVersion", from: "", to: "2" },
      { property: "previousClientSecretExpiresAt", from: "", to: rotateUntil },
    ]);
  });

  it("counts as lost what a site file that is there takes away", () => {
    const plan = planFor(fleetOf("tokyo", "lima"), {
      sites: [
        site("tokyo", { signals: ["logs"] }),
        site("lima", { token: { enabled: false, duration: "24h" } }),
      ],
    });
    assert.deepEqual(plan.losses, [
      'sites/tokyo.yaml: leaves out metrics, which the site\'s token "tokyo" may push today. Add it to signals.',
      'sites/lima.yaml: token.enabled is false, and the site\'s token "lima" is in use. Take the key out.',
    ]);
    assert.ok(
      plan.notes.includes(
        'service token "lima": lasts 8760h, and sites/lima.yaml says 24h, so `up` counts its time anew.',
      ),
    );
  });

  it("says which tokens have expired, and which sites `up` gives a new one", () => {
    const view = {
      ...fleetOf("tokyo"),
      tokens: [token("tokyo", { expiresAt: "2026-11-01T00:00:00Z" })],
    };
    const plan = planFor(view, { sites: [site("berlin-shop")] });
    assert.deepEqual(
      plan.notes.filter((note) => /expired|berlin/.test(note)),
      [
        'service token "tokyo": has expired (2026-11-01T00:00:00Z), and adopting does not renew it. Run `npx sitepass renew tokyo` afterwards.',
        "sites/berlin-shop.yaml: has no token among those that were chosen, so `up` makes it a new one. Delete the files of sites that do not exist.",
      ],
    );
  });

  it("refuses when the account has no room for what `up` would make", () => {
    const config = testConfig({ serviceTokenLimit: 2 });
    assert.deepEqual(planFor(fleetOf("tokyo", "lima"), { config }).refusals, []);
    assert.match(
      planFor(fleetOf("tokyo", "lima"), { config, sites: [site("berlin")] }).refusals.join("\n"),
      /^sites\/: holds 3 sites, and the account may have 2 service tokens\. .*\nsitepass:serviceTokenLimit: is 2, and the account has 2 service tokens and needs 1 more \(sites\/berlin\.yaml\)\./,
    );
  });

  it("foresees that the count before `up` takes adopted tokens for other ones", () => {
    const config = testConfig({ serviceTokenLimit: 3 });
    assert.equal(planFor(fleetOf("tokyo", "lima"), { config }).preflightWouldRefuse, true);
    assert.equal(planFor(fleetOf("tokyo", "lima")).preflightWouldRefuse, false);
    assert.equal(
      planFor(fleetOf("tokyo", "lima"), { config: { ...config, preflight: false } }).preflightWouldRefuse,
      false,
    );
  });

  it("passes over what the stack has already, and refuses a second token for a site of its", () => {
    const view = {
      ...fleetOf("tokyo", "sitepass/prod/lima"),
      tokens: [token("tokyo"), token("sitepass/prod/lima")],
    };
    const resources = [
      resource(resourceTypes.token, "lima", "sitepass/prod/lima-id"),
      resource(resourceTypes.token, "tokyo", "another-id"),
    ];
    const plan = planFor(view, { resources, sites: [site("lima")] });
    assert.deepEqual(plan.refusals, [
      'service token "tokyo": gives the site name tokyo, and the stack has another token for that site (another-id). Name another site with --site "tokyo=<site>", or leave the token out with --skip "tokyo".',
    ]);
    assert.deepEqual(
      plan.sites.map(({ site: { name }, known }) => [name, known]),
      [["lima", true]],
    );
  });

  it("runs again with the same choices after the tokens have other names", () => {
    const view = fleetOf("sitepass/prod/tokyo");
    const plan = planFor(view, {
      resources: [resource(resourceTypes.token, "tokyo", "sitepass/prod/tokyo-id")],
      sites: [site("tokyo")],
      choices: { match: ["Tokyo*"], named: [{ token: "Tokyo rack A", site: "tokyo" }], skip: [] },
    });
    assert.deepEqual(plan.refusals, []);
    assert.deepEqual(
      plan.adoptions.filter(({ becomes }) => becomes.type === resourceTypes.token),
      [],
    );
  });
});
