import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Organization } from "../../cloudflare/organization";
import { problemText } from "../../fleet/problem";
import { apiTokenFinding, writeAnswer } from "./api-token";
import { findingText, inOrder, type Finding } from "./finding";
import { gateFindings, tunnelFinding } from "./tunnel";
import { organizationFindings } from "./zero-trust";
import { botFinding, zoneFindings } from "./zone";

const texts = (findings: readonly Finding[]) =>
  findings.map((finding) => `${finding.level}: ${findingText(finding)}`);

const answered = <T>(value: T) => ({ kind: "answered" as const, value });

describe("apiTokenFinding", () => {
  const now = new Date("2026-11-23T12:00:00Z");
  const judge = (status: string, expiresAt?: string) => apiTokenFinding(answered({ status, expiresAt }), now);

  it("warns of a token that expires within 30 days", () => {
    assert.deepEqual(texts([judge("active", "2026-12-22T12:00:00Z").finding]), [
      "warning: CLOUDFLARE_API_TOKEN: expires in 29 days (2026-12-22T12:00:00Z), and from then on `up` and every other command fail. Create another one in time.",
    ]);
    assert.deepEqual(texts([judge("active", "2026-12-23T12:00:00Z").finding]), [
      "ok: the API token is active for another 30 days",
    ]);
  });

  it("has no use for one that is disabled or expired", () => {
    assert.equal(judge("disabled").usable, false);
    assert.deepEqual(texts([judge("expired").finding]), [
      "problem: CLOUDFLARE_API_TOKEN: is expired. Create another one in the dashboard. Nothing else at Cloudflare was looked at.",
    ]);
  });

  it("does not take a status that it does not know for a good one", () => {
    const { usable, finding } = judge("sleeping");
    assert.equal(usable, true);
    assert.equal(finding.level, "warning");
  });

  it("repeats what kept Cloudflare from answering, and does not call the token wrong", () => {
    const problem = {
      subject: "Cloudflare",
      says: "refused to verify the API token (HTTP 502)",
      todo: "Try again",
    };
    assert.deepEqual(texts([apiTokenFinding({ kind: "failed", problem, status: 502 }, now).finding]), [
      `problem: ${problemText(problem)} Nothing else at Cloudflare was looked at.`,
    ]);
  });
});

const someProblem = { subject: "Cloudflare", says: "refused", todo: "Try again" };

describe("writeAnswer", () => {
  it("takes 403 for a missing permission, and a refusal of the content for a permission", () => {
    assert.deepEqual(writeAnswer({ kind: "forbidden", reason: "HTTP 403" }), {
      kind: "may not",
      reason: "HTTP 403",
    });
    for (const status of [400, 404, 409, 422]) {
      assert.deepEqual(writeAnswer({ kind: "failed", problem: someProblem, status }), { kind: "may" });
    }
  });

  it("concludes nothing from any other answer", () => {
    for (const status of [401, 405, 429, 500, 501, undefined]) {
      assert.equal(writeAnswer({ kind: "failed", problem: someProblem, status }).kind, "cannot be told");
    }
    assert.equal(writeAnswer(answered(null)).kind, "cannot be told");
  });
});

describe("zoneFindings", () => {
  const zone = { id: "z", name: "example.com", status: "active", paused: false, accountId: "mine" };
  const config = { zone: { name: "example.com" }, accountId: "mine", endpoints: [] };

  it("refuses a zone that is not active, paused, or of another account", () => {
    const findings = zoneFindings(
      answered({ ...zone, status: "pending", paused: true, accountId: "theirs" }),
      config,
    );
    assert.deepEqual(texts(findings), [
      "problem: sitepass:accountId: is mine, and the zone example.com belongs to account theirs. Configure account and zone that belong together.",
      "problem: zone example.com: is pending, not active, so its names lead nowhere yet. Set the name servers that the dashboard shows at the registrar, and wait for Cloudflare's e-mail.",
      "problem: zone example.com: is paused, so Cloudflare proxies none of its names and Access guards none. Enable Cloudflare on the zone again, on its Overview page.",
    ]);
  });

  it("holds host names against a zone that is configured by its ID", () => {
    const endpoint = {
      signal: "metrics" as const,
      hostname: "prom.example.net",
      paths: ["/api/v1/write"] as const,
      origin: "",
    };
    assert.deepEqual(
      texts(zoneFindings(answered(zone), { ...config, zone: { id: "z" }, endpoints: [endpoint] })),
      [
        'problem: sitepass:endpoints.metrics.hostname: is "prom.example.net", which is not in the zone example.com. Take a name directly below it, or set sitepass:zone to the zone it is in.',
      ],
    );
  });

  it("says what Cloudflare answered to a zone ID that the token may not see", () => {
    assert.deepEqual(
      texts(
        zoneFindings(
          { kind: "forbidden", reason: "HTTP 403, 9109 Unauthorized" },
          { ...config, zone: { id: "z" } },
        ),
      ),
      [
        'problem: sitepass:zone: is "z", and Cloudflare shows the API token no such zone (HTTP 403, 9109 Unauthorized). Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it.',
      ],
    );
  });
});

describe("botFinding", () => {
  it("warns of Super Bot Fight Mode that stops what is automated, and of what cannot be told", () => {
    assert.deepEqual(
      texts([
        botFinding("example.com", { fightMode: undefined, definitelyAutomated: "block" }),
        botFinding("example.com", { fightMode: false, definitelyAutomated: "allow" }),
        botFinding("example.com", undefined),
      ]),
      [
        'warning: zone example.com: Super Bot Fight Mode answers what is automated with "block", and collectors are. Set "Definitely automated" to Allow, or write a rule that skips it for the push hosts.',
        "ok: Bot Fight Mode is off on example.com",
        "warning: zone example.com: whether Bot Fight Mode is on cannot be told. Look in the dashboard's security settings.",
      ],
    );
  });
});

describe("organizationFindings", () => {
  const organization: Organization = {
    authDomain: "acme.cloudflareaccess.com",
    strictServiceTokens: true,
    inactivity: undefined,
  };
  const judge = (fields: Partial<Organization>, teamName: string, shutOut = 0) =>
    texts(
      organizationFindings(answered({ ...organization, ...fields }), {
        config: { accountId: "mine", teamName, publish: { kind: "tunnel", name: "central" } },
        sites: Array.from({ length: shutOut }, () => ({
          token: {
            enabled: false,
            duration: "forever",
            secretVersion: 1,
            previousSecretExpiresAt: undefined,
          },
        })),
        apiUrl: "https://api",
      }),
    ).filter((text) => !text.includes("strict service token mode is on"));

  it("refuses a team name that is not the account's", () => {
    assert.deepEqual(judge({}, "acne"), [
      'problem: sitepass:teamName: is "acne", and the account\'s is "acme": cloudflared would refuse every push. Set it to acme, or leave it out.',
    ]);
  });

  it("needs a team name where the organization's domain holds none", () => {
    assert.deepEqual(judge({ authDomain: "" }, ""), [
      'problem: sitepass:teamName: is not set, and the organization\'s domain is "". Set it to the part before .cloudflareaccess.com.',
    ]);
    assert.deepEqual(judge({ authDomain: "login.acme.com" }, "acme"), [
      'warning: sitepass:teamName: cannot be compared, because the organization\'s domain is "login.acme.com". Look in the dashboard.',
    ]);
  });

  it("warns that unused tokens are deleted only where a site is shut out", () => {
    const inactivity = { days: 90, action: "delete" };
    assert.deepEqual(judge({ inactivity }, "acme"), ["ok: Zero Trust is set up, and the team name is acme"]);
    assert.deepEqual(judge({ inactivity: { ...inactivity, action: "disable" } }, "acme", 1).length, 1);
    assert.deepEqual(judge({ inactivity }, "acme", 2), [
      "ok: Zero Trust is set up, and the team name is acme",
      "warning: Zero Trust: deletes service tokens that were not used for 90 days, and 2 sites that are shut out cannot use theirs. Let them in in time, or set the action to disable in the dashboard.",
    ]);
  });
});

describe("tunnelFinding", () => {
  const tunnel = { id: "t", name: "central", configSrc: "cloudflare", status: "healthy", deletedAt: null };

  it("says that it cannot tell whose a tunnel is when the state cannot be read", () => {
    assert.deepEqual(
      texts([
        tunnelFinding("central", [tunnel], { kind: "unknown", reason: "pulumi: is not on PATH. Install it" }),
      ]),
      [
        'warning: sitepass:publish.tunnel.name: is "central", and the account has such a tunnel (t); whether it is this stack\'s cannot be told (pulumi: is not on PATH. Install it). If it is not, take another name.',
      ],
    );
  });

  it("refuses its own tunnel when that is configured on its host", () => {
    assert.deepEqual(
      texts([
        tunnelFinding("central", [{ ...tunnel, configSrc: "local" }], { kind: "known", ids: new Set(["t"]) }),
      ]),
      [
        'problem: sitepass:publish.tunnel.name: is "central", and that tunnel takes its ingress rules from a file on its host, so this stack\'s have no effect. Run `pulumi up --refresh`, which replaces it.',
      ],
    );
  });
});

describe("inOrder", () => {
  it("says each thing once, in the order of topics", () => {
    const finding = (topic: Finding["topic"], says: string): Finding => ({ topic, level: "ok", says });
    const findings = [
      finding("tunnel", "a"),
      finding("zone", "b"),
      finding("tunnel", "c"),
      finding("zone", "a"),
    ];
    assert.deepEqual(inOrder(findings).map(findingText), ["b", "a", "c"]);
  });
});

describe("gateFindings", () => {
  const leading = (origin: string) => [
    { signal: "logs" as const, hostname: "loki.example.com", paths: ["/loki/api/v1/push"] as const, origin },
  ];
  const gate = "unix:/run/sitepass/logs.sock";

  it("has nothing to say where the tunnel leads to the gate, or where there is none", () => {
    assert.deepEqual(gateFindings({ identity: "label", endpoints: leading(gate) }), []);
    assert.deepEqual(
      gateFindings({ identity: "tenant", endpoints: leading("unix:/srv/gate/logs.sock") }),
      [],
    );
    assert.deepEqual(gateFindings({ identity: "off", endpoints: leading("http://localhost:3100") }), []);
  });

  it("warns of a way past the gate, and of one to a gate that is not there", () => {
    assert.deepEqual(
      texts(gateFindings({ identity: "label", endpoints: leading("http://localhost:3100") })),
      [
        "warning: sitepass:endpoints.logs.origin: is http://localhost:3100, which passes the gate by, and sitepass:identity is label: any site can write as any other. Leave it out, and start the gate that `npx sitepass central` renders before `pulumi up`.",
      ],
    );
    assert.deepEqual(texts(gateFindings({ identity: "off", endpoints: leading(gate) })), [
      "problem: sitepass:endpoints.logs.origin: is unix:/run/sitepass/logs.sock, the gate's socket, and sitepass:identity is off: nothing would listen there. Set sitepass:identity to label, or name the store as in http://localhost:3100.",
    ]);
  });
});
