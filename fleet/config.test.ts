import { orThrow } from "./problem";
import { problemTexts } from "./testing/problem-texts";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "./config";

const accountId = "0123456789abcdef0123456789abcdef";

const minimal = {
  accountId,
  zone: "example.com",
  endpoints: { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } },
  publish: { tunnel: { name: "central" } },
};

/** The minimal configuration with some keys changed, as Pulumi hands it over; undefined takes a key out. */
function raw(changes: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const changed: Readonly<Record<string, unknown>> = { ...minimal, ...changes };
  const given = Object.entries(changed).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([key, value]) => [
      `sitepass:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

const parse = (changes: Readonly<Record<string, unknown>> = {}) => parseConfig(raw(changes));

const problemsWith = (changes: Readonly<Record<string, unknown>>) => problemTexts(parse(changes));

const problemsOfMetrics = (endpoint: Readonly<Record<string, unknown>>) =>
  problemsWith({ endpoints: { metrics: { hostname: "prom.example.com", ...endpoint } } });

const problemsOfAddress = (address: string) =>
  problemsWith({
    endpoints: { metrics: { hostname: "prom.example.com" } },
    publish: { addresses: { metrics: address } },
  });

const defaultCentral = {
  limits: { requestsPerSecond: 50, bytesPerSecond: 4_000_000 },
  retentionDays: { metrics: 90, logs: 31 },
  stores: {},
};

describe("parseConfig", () => {
  it("fills in the documented defaults", () => {
    assert.deepEqual(parse(), {
      ok: true,
      value: {
        accountId,
        zone: { name: "example.com" },
        endpoints: [
          {
            signal: "metrics",
            hostname: "prom.example.com",
            paths: ["/api/v1/write"],
            origin: "http://localhost:9090",
          },
          {
            signal: "logs",
            hostname: "loki.example.com",
            paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
            origin: "http://localhost:3100",
          },
        ],
        publish: { kind: "tunnel", name: "central" },
        teamName: "",
        tokenDuration: "8760h",
        siteLabel: "provider",
        tenant: "",
        identity: "off",
        central: defaultCentral,
        serviceTokenLimit: 50,
        shard: "",
        alertEmails: [],
        protect: false,
        preflight: true,
        allowRemovals: 0,
      },
    });
  });

  it("takes every value that is given", () => {
    const central = {
      limits: { requestsPerSecond: 5, bytesPerSecond: 100_000 },
      retentionDays: { metrics: 400, logs: 7 },
      stores: {
        metrics: { url: "http://vm:8428/api/v1/write", kind: "victoriametrics" },
        logs: { url: "https://loki.internal/loki/api/v1/push" },
      },
      mail: { server: "smtp.example.com:587", from: "central@example.com", user: "central" },
    };
    assert.deepEqual(
      parse({
        zone: "fedcba9876543210fedcba9876543210",
        endpoints: {
          logs: { hostname: "loki.example.com", paths: ["/push", "/v2/push"], origin: "https://loki:3100" },
          metrics: { hostname: "prom.example.com", paths: ["/write"], origin: "http://[::1]:9090" },
        },
        teamName: "acme",
        tokenDuration: "forever",
        siteLabel: "site",
        tenant: "eu-{site}",
        identity: "label",
        central,
        serviceTokenLimit: 500,
        shard: "eu",
        alertEmails: ["ops@example.com"],
        protect: true,
        preflight: false,
        allowRemovals: 2,
      }),
      {
        ok: true,
        value: {
          accountId,
          zone: { id: "fedcba9876543210fedcba9876543210" },
          endpoints: [
            {
              signal: "metrics",
              hostname: "prom.example.com",
              paths: ["/write"],
              origin: "http://[::1]:9090",
            },
            {
              signal: "logs",
              hostname: "loki.example.com",
              paths: ["/push", "/v2/push"],
              origin: "https://loki:3100",
            },
          ],
          publish: { kind: "tunnel", name: "central" },
          teamName: "acme",
          tokenDuration: "forever",
          siteLabel: "site",
          tenant: "eu-{site}",
          identity: "label",
          central,
          serviceTokenLimit: 500,
          shard: "eu",
          alertEmails: ["ops@example.com"],
          protect: true,
          preflight: false,
          allowRemovals: 2,
        },
      },
    );
  });

  it("leaves out a signal that is not configured", () => {
    const { endpoints } = orThrow(parse({ endpoints: { logs: { hostname: "loki.example.com" } } }));
    assert.deepEqual(endpoints, [
      {
        signal: "logs",
        hostname: "loki.example.com",
        paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
        origin: "http://localhost:3100",
      },
    ]);
  });

  it("keeps the addresses of the configured signals", () => {
    assert.deepEqual(
      orThrow(parse({ publish: { addresses: { metrics: "203.0.113.10", logs: "origin.example.net" } } }))
        .publish,
      {
        kind: "addresses",
        addresses: new Map([
          ["metrics", "203.0.113.10"],
          ["logs", "origin.example.net"],
        ]),
      },
    );
  });

  it("knows a number that Pulumi made of digits without quotes", () => {
    const says = (values: Readonly<Record<string, string>>) =>
      problemTexts(parseConfig({ ...raw(), ...values }));
    const quotes = "because its digits stand without quotes. Put it in quotes.";
    assert.deepEqual(says({ "sitepass:accountId": "1.2345678901234567e+31", "sitepass:teamName": "1e+21" }), [
      `sitepass:accountId: is 1.2345678901234567e+31, a number, ${quotes}`,
      `sitepass:teamName: is 1e+21, a number, ${quotes}`,
    ]);
    assert.deepEqual(says({ "sitepass:accountId": "10" }), [
      'sitepass:accountId: is "10", which is not an account ID: 32 characters 0-9 and a-f. Copy it from the dashboard\'s Overview page; digits alone have to stand in quotes.',
    ]);
  });

  it("passes over keys of other namespaces", () => {
    assert.deepEqual(
      parseConfig({ ...raw(), "cloudflare:apiToken": "secret", "sitepassport:zone": "example.org" }),
      parse(),
    );
  });

  it("reports all missing keys at once, with what belongs there", () => {
    assert.deepEqual(problemTexts(parseConfig({})), [
      "sitepass:accountId: is missing. Set it in the stack's file: ID of the Cloudflare account: 32 hexadecimal digits, on the dashboard's Overview page of the zone.",
      "sitepass:zone: is missing. Set it in the stack's file: The zone that the host names lie in, by name (example.com) or by ID (32 hexadecimal digits).",
      "sitepass:endpoints: is missing. Set it in the stack's file: Where each signal is pushed: metrics and logs, each { hostname, paths, origin }. Paths and origin have defaults by signal.",
      "sitepass:publish: is missing. Set it in the stack's file: How the host names reach the central host: { tunnel: { name } }, or { addresses: { metrics, logs } } with an IPv4 address, IPv6 address or host name each.",
    ]);
  });

  it("reports everything that is wrong at once, in the order of the keys", () => {
    assert.deepEqual(
      problemsWith({ accountId: "acme", serviceTokenLimit: 0, zone: undefined, protect: "yes" }),
      [
        `sitepass:accountId: is "acme", which is not an account ID: 32 characters 0-9 and a-f. Copy it from the dashboard's Overview page.`,
        "sitepass:zone: is missing. Set it in the stack's file: The zone that the host names lie in, by name (example.com) or by ID (32 hexadecimal digits).",
        "sitepass:serviceTokenLimit: is 0, which is less than one token. Give the account's limit.",
        'sitepass:protect: is "yes", not true or false. Give true or false.',
      ],
    );
  });

  it("refuses unknown keys and names the nearest right one", () => {
    const known =
      "Known keys here: accountId, alertEmails, allowRemovals, central, endpoints, identity, preflight, protect, publish, serviceTokenLimit, shard, siteLabel, teamName, tenant, tokenDuration, zone.";
    assert.deepEqual(problemsWith({ tokenDurations: "8760h", xylophone: "1" }), [
      `sitepass:tokenDurations: is not a known key. Did you mean tokenDuration? ${known}`,
      `sitepass:xylophone: is not a known key. ${known}`,
    ]);
  });

  it("refuses unknown keys inside of endpoints and publish", () => {
    assert.deepEqual(
      problemsWith({
        endpoints: { metrics: { hostname: "prom.example.com", path: [] }, log: {} },
        publish: { tunnel: { name: "central", names: "" }, address: {} },
      }),
      [
        "sitepass:endpoints.metrics.path: is not a known key. Did you mean paths? Known keys here: hostname, origin, paths.",
        "sitepass:endpoints.log: is not a known key. Did you mean logs? Known keys here: logs, metrics.",
        "sitepass:publish.tunnel.names: is not a known key. Did you mean name? Known keys here: name.",
        "sitepass:publish.address: is not a known key. Did you mean addresses? Known keys here: addresses, tunnel.",
      ],
    );
    assert.deepEqual(problemsWith({ publish: { addresses: { metric: "203.0.113.10" } } }), [
      "sitepass:publish.addresses.metric: is not a known key. Did you mean metrics? Known keys here: logs, metrics.",
    ]);
  });

  it("refuses structured values that are not JSON", () => {
    assert.deepEqual(
      problemsWith({
        endpoints: "{ metrics: prom }",
        publish: "central",
        alertEmails: "ops@example.com",
        serviceTokenLimit: "fifty",
        preflight: "no",
      }),
      [
        'sitepass:endpoints: is "{ metrics: prom }", not a mapping. Give a mapping.',
        'sitepass:publish: is "central", not a mapping. Give a mapping.',
        'sitepass:serviceTokenLimit: is "fifty", not a number. Give a number.',
        'sitepass:alertEmails: is "ops@example.com", not a list. Give a list.',
        'sitepass:preflight: is "no", not true or false. Give true or false.',
      ],
    );
  });
});

describe("parseConfig, on single keys", () => {
  it("refuses an accountId that is not 32 hexadecimal digits in lower case", () => {
    for (const id of ["", "acme", accountId.toUpperCase(), `${accountId}0`]) {
      assert.deepEqual(problemsWith({ accountId: id }), [
        `sitepass:accountId: is "${id}", which is not an account ID: 32 characters 0-9 and a-f. Copy it from the dashboard's Overview page.`,
      ]);
    }
  });

  it("refuses a zone that is neither a name nor an ID", () => {
    for (const zone of ["", "localhost", "Example.com", "example.com.", accountId.toUpperCase()]) {
      assert.deepEqual(problemsWith({ zone }), [
        `sitepass:zone: is "${zone}", which is neither a zone name such as example.com nor a zone ID of 32 hexadecimal digits. Copy either from the dashboard.`,
      ]);
    }
  });

  it("refuses a teamName that is a whole domain or no label", () => {
    for (const teamName of ["acme.cloudflareaccess.com", "Acme", "-acme", "a".repeat(64)]) {
      assert.deepEqual(problemsWith({ teamName }), [
        `sitepass:teamName: is "${teamName}", which is not a team name. Give the part before .cloudflareaccess.com alone.`,
      ]);
    }
  });

  it("refuses a tokenDuration that Cloudflare refuses", () => {
    assert.deepEqual(problemsWith({ tokenDuration: "1y" }), [
      'sitepass:tokenDuration: is "1y", which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.',
    ]);
    assert.deepEqual(problemsWith({ tokenDuration: "" }), [
      'sitepass:tokenDuration: is "", which is not a duration that Cloudflare accepts. Write hours, such as 8760h (one year), or forever.',
    ]);
  });

  it("refuses a siteLabel that Prometheus refuses", () => {
    assert.deepEqual(problemsWith({ siteLabel: "site-name" }), [
      'sitepass:siteLabel: is "site-name", which is not a label name that Prometheus and Loki accept: letters, digits and underscores, no digit first. Rename it.',
    ]);
    assert.deepEqual(problemsWith({ siteLabel: "__site" }), [
      'sitepass:siteLabel: is "__site", which begins with __, which Prometheus reserves. Rename it.',
    ]);
  });

  it("refuses a siteLabel that the data bring themselves", () => {
    assert.deepEqual(problemsWith({ siteLabel: "instance" }), [
      'sitepass:siteLabel: is "instance", which tells the series of one target from those of others, so that it cannot be the same for a whole site. Rename it, such as to site_instance.',
    ]);
    assert.deepEqual(problemsWith({ siteLabel: "host" }), [
      'sitepass:siteLabel: is "host", which comes with what Telegraf and Vector collect, so that it cannot be the same for a whole site. Rename it, such as to site_host.',
    ]);
  });

  it("refuses a tenant that Loki, Mimir or a collector's file would not take", () => {
    for (const tenant of ["a|b", "a/b", "two words", "{sites}", "..", "x\n", "it's", "é"]) {
      assert.deepEqual(problemsWith({ tenant }), [
        `sitepass:tenant: is ${JSON.stringify(tenant)}, which is not a tenant that every collector can name: letters, digits and -_. alone. Write it as in ops, or as {site} for each site's name.`,
      ]);
    }
    assert.deepEqual(problemsWith({ tenant: "{site}-{site}-{site}" }), [
      'sitepass:tenant: is "{site}-{site}-{site}", which can have 191 characters with the longest site\'s name, and Loki and Mimir take 150. Shorten it.',
    ]);
    for (const tenant of ["", "ops", "{site}", "eu.{site}_1", "x".repeat(150)]) {
      assert.deepEqual(problemsWith({ tenant }), []);
    }
  });

  it("refuses a serviceTokenLimit that is not a count", () => {
    assert.deepEqual(problemsWith({ serviceTokenLimit: -1 }), [
      "sitepass:serviceTokenLimit: is -1, which is less than one token. Give the account's limit.",
    ]);
    assert.deepEqual(problemsWith({ serviceTokenLimit: 1.5 }), [
      "sitepass:serviceTokenLimit: is 1.5, not a whole number. Give a whole number.",
    ]);
    assert.deepEqual(problemsWith({ serviceTokenLimit: "" }), [
      'sitepass:serviceTokenLimit: is "", not a number. Give a number.',
    ]);
  });

  it("refuses alertEmails that are no addresses", () => {
    assert.deepEqual(problemsWith({ alertEmails: ["ops@example.com", "ops", ""] }), [
      'sitepass:alertEmails.1: is "ops", which is not an e-mail address. Write it as in ops@example.com.',
      'sitepass:alertEmails.2: is "", which is not an e-mail address. Write it as in ops@example.com.',
    ]);
  });

  it("refuses protect and preflight that are neither true nor false", () => {
    assert.deepEqual(problemsWith({ protect: "True", preflight: 0 }), [
      'sitepass:protect: is "True", not true or false. Give true or false.',
      "sitepass:preflight: is 0, not true or false. Give true or false.",
    ]);
  });

  it("refuses allowRemovals that are no count", () => {
    assert.deepEqual(problemsWith({ allowRemovals: -1 }), [
      "sitepass:allowRemovals: is -1, which is less than none. Give the number of sites that are to go.",
    ]);
    assert.deepEqual(problemsWith({ allowRemovals: 0.5 }), [
      "sitepass:allowRemovals: is 0.5, not a whole number. Give a whole number.",
    ]);
    assert.deepEqual(problemsWith({ allowRemovals: "two" }), [
      'sitepass:allowRemovals: is "two", not a number. Give a number.',
    ]);
  });

  it("refuses a tunnel without a name or with one that is too long", () => {
    const withName = (name: unknown) => problemsWith({ publish: { tunnel: { name } } });
    assert.deepEqual(withName(undefined), ["sitepass:publish.tunnel.name: is missing. Give text."]);
    assert.deepEqual(withName(" "), [
      'sitepass:publish.tunnel.name: is " ", which is empty. Give the tunnel a name.',
    ]);
    assert.deepEqual(withName("x".repeat(100)), []);
    assert.deepEqual(withName("x".repeat(101)), [
      `sitepass:publish.tunnel.name: is "${"x".repeat(75)}...", which is longer than 100 characters. Shorten it.`,
    ]);
  });
});

describe("parseConfig, on endpoints", () => {
  it("refuses endpoints without a signal", () => {
    assert.deepEqual(problemsWith({ endpoints: {} }), [
      "sitepass:endpoints: is {}, which names no endpoint. Give at least one of metrics, logs.",
    ]);
  });

  it("refuses an endpoint without a host name", () => {
    assert.deepEqual(problemsWith({ endpoints: { metrics: {} } }), [
      "sitepass:endpoints.metrics.hostname: is missing. Give text.",
    ]);
  });

  it("refuses host names that are none", () => {
    for (const hostname of [
      "prom",
      "Prom.example.com",
      "*.example.com",
      "prom.example.com:443",
      "prom..com",
    ]) {
      assert.deepEqual(problemsOfMetrics({ hostname }), [
        `sitepass:endpoints.metrics.hostname: is "${hostname}", which is not a host name in lower case. Write it as in prom.example.com, names in other scripts in punycode.`,
      ]);
    }
  });

  it("refuses a host outside the zone, one whose name merely ends like the zone included", () => {
    for (const hostname of ["prom.example.org", "prom-example.com"]) {
      assert.deepEqual(problemsOfMetrics({ hostname }), [
        `sitepass:endpoints.metrics.hostname: is "${hostname}", which is not in the zone example.com. Take a name directly below it, or set sitepass:zone to the zone it is in.`,
      ]);
    }
  });

  it("refuses the zone itself as a host", () => {
    assert.deepEqual(problemsOfMetrics({ hostname: "example.com" }), [
      'sitepass:endpoints.metrics.hostname: is "example.com", which is the zone itself, and everything but the write paths is shut on a push host. Take a name below it, such as push.example.com.',
    ]);
  });

  it("refuses a host two levels below the zone", () => {
    assert.deepEqual(problemsOfMetrics({ hostname: "prom.push.example.com" }), [
      'sitepass:endpoints.metrics.hostname: is "prom.push.example.com", which is more than one level below the zone example.com, and Cloudflare\'s Universal SSL certificate covers one. Take a name such as prom-push.example.com.',
    ]);
  });

  it("leaves hosts to the look-up when the zone is given by ID", () => {
    assert.deepEqual(
      problemsWith({ zone: accountId, endpoints: { metrics: { hostname: "a.b.example.org" } } }),
      [],
    );
  });

  it("refuses two signals on one host", () => {
    assert.deepEqual(
      problemsWith({
        endpoints: { logs: { hostname: "push.example.com" }, metrics: { hostname: "push.example.com" } },
      }),
      [
        'sitepass:endpoints.logs.hostname: is "push.example.com", which is also the host of metrics. Give each signal a host of its own: Access and the tunnel tell them apart by host.',
      ],
    );
  });

  it("refuses paths that would open more than themselves", () => {
    const refused = ["/x/", "//x", "/../x", "/./x", "/x?y", "/x#y", "/*", "/%2e", "/x y", "x", "/", ""];
    for (const path of refused) {
      assert.deepEqual(problemsOfMetrics({ paths: [path] }), [
        `sitepass:endpoints.metrics.paths.0: is "${path}", which is not a write path: it begins with a slash, does not end with one, and has no wildcard, dot segment or query. Write it as in /api/v1/write.`,
      ]);
    }
  });

  it("accepts every character that means itself in a path", () => {
    assert.deepEqual(problemsOfMetrics({ paths: ["/Api_v1.2/~write-0"] }), []);
  });

  it("accepts as many paths as are given: how many an application takes is for Cloudflare to say", () => {
    const paths = Array.from({ length: 60 }, (_, index) => `/write-${index}`);
    assert.deepEqual(problemsOfMetrics({ paths }), []);
  });

  it("refuses a repeated path", () => {
    assert.deepEqual(problemsOfMetrics({ paths: ["/a", "/b", "/a"] }), [
      'sitepass:endpoints.metrics.paths: is ["/a","/b","/a"], which names a path twice. Name it once.',
    ]);
  });

  it("refuses an empty list of paths", () => {
    assert.deepEqual(problemsOfMetrics({ paths: [] }), [
      "sitepass:endpoints.metrics.paths: is [], which is empty. Leave the key out for the default, or name a path.",
    ]);
  });

  it("refuses an origin with credentials, path, query or fragment", () => {
    for (const extra of ["/", "/api", "?x", "#"]) {
      assert.deepEqual(problemsOfMetrics({ origin: `http://localhost:9090${extra}` }), [
        `sitepass:endpoints.metrics.origin: is "http://localhost:9090${extra}", which has more than scheme, host and port. Write it as in http://localhost:9090; cloudflared adds the request's own path.`,
      ]);
    }
    assert.deepEqual(problemsOfMetrics({ origin: "http://user:word@localhost:9090" }), [
      `sitepass:endpoints.metrics.origin: is "http://...@localhost:9090", which has more than scheme, host and port. Write it as in http://localhost:9090; cloudflared adds the request's own path.`,
    ]);
  });

  it("refuses an origin that is neither http nor https", () => {
    const refused = ["tcp://localhost:9090", "localhost:9090", "http://", ""];
    // What Node reads as an address all the same, and cloudflared does not.
    const unlikeInGo = [
      "http://localhost:9090 ",
      "http://localhost:9090\n",
      "http://local\thost",
      "http://localhost\\x",
    ];
    for (const origin of [...refused, ...unlikeInGo]) {
      assert.deepEqual(problemsOfMetrics({ origin }), [
        `sitepass:endpoints.metrics.origin: is ${JSON.stringify(origin)}, which is not an http or https address. Write it as in http://localhost:9090; cloudflared adds the request's own path.`,
      ]);
    }
  });

  it("takes a socket's absolute path, of as many characters as Linux takes", () => {
    assert.deepEqual(problemsOfMetrics({ origin: "unix:/run/sitepass/metrics.sock" }), []);
    assert.deepEqual(problemsOfMetrics({ origin: `unix:/${"a".repeat(106)}` }), []);
    assert.deepEqual(problemsOfMetrics({ origin: `unix:/${"a".repeat(107)}` }), [
      `sitepass:endpoints.metrics.origin: is "unix:/${"a".repeat(69)}...", which is a path of 108 characters, and a socket's has 107 at most. Name a shorter one.`,
    ]);
    for (const path of ["", "run/gate.sock", "//host/gate", "/run/gate.sock/", "/run/gate sock"]) {
      assert.deepEqual(problemsOfMetrics({ origin: `unix:${path}` }), [
        `sitepass:endpoints.metrics.origin: is "unix:${path}", which does not name a socket. Write its absolute path, as in unix:/run/sitepass/metrics.sock.`,
      ]);
    }
  });

  it("accepts an origin that names its scheme's own port", () => {
    assert.deepEqual(problemsOfMetrics({ origin: "http://localhost:80" }), []);
    assert.deepEqual(problemsOfMetrics({ origin: "https://prometheus:443" }), []);
  });
});

describe("parseConfig, on publish", () => {
  it("refuses neither tunnel nor addresses", () => {
    assert.deepEqual(problemsWith({ publish: {} }), [
      "sitepass:publish: is {}, which says neither tunnel nor addresses. Write { tunnel: { name: ... } }, or { addresses: ... } without a tunnel.",
    ]);
  });

  it("refuses both tunnel and addresses", () => {
    assert.deepEqual(problemsWith({ publish: { tunnel: { name: "central" }, addresses: {} } }), [
      'sitepass:publish: is {"tunnel":{"name":"central"},"addresses":{}}, which says both tunnel and addresses. Keep one of them: a host name leads to one place.',
    ]);
  });

  it("refuses an endpoint without an address", () => {
    assert.deepEqual(problemsWith({ publish: { addresses: { metrics: "203.0.113.10" } } }), [
      "sitepass:publish.addresses.logs: is missing. Give the address that serves loki.example.com.",
    ]);
  });

  it("refuses an address without an endpoint", () => {
    assert.deepEqual(
      problemsWith({
        endpoints: { metrics: { hostname: "prom.example.com" } },
        publish: { addresses: { metrics: "203.0.113.10", logs: "203.0.113.11" } },
      }),
      [
        'sitepass:publish.addresses.logs: is "203.0.113.11", but endpoints.logs is not there. Add the endpoint, or drop the address.',
      ],
    );
  });

  it("refuses a push host as an address, the other signal's included", () => {
    assert.deepEqual(
      problemsWith({ publish: { addresses: { metrics: "loki.example.com", logs: "loki.example.com" } } }),
      [
        'sitepass:publish.addresses.metrics: is "loki.example.com", a push host itself. Give the name or address of the server behind it.',
        'sitepass:publish.addresses.logs: is "loki.example.com", a push host itself. Give the name or address of the server behind it.',
      ],
    );
  });

  it("refuses an origin when the hosts are published by address", () => {
    assert.deepEqual(
      problemsWith({
        endpoints: { metrics: { hostname: "prom.example.com", origin: "http://localhost:9090" } },
        publish: { addresses: { metrics: "203.0.113.10" } },
      }),
      [
        'sitepass:endpoints.metrics.origin: is "http://localhost:9090", which only a tunnel uses, and publish says addresses. Drop the origin, or publish through a tunnel.',
      ],
    );
  });

  const unreachable = (address: string) => [
    `sitepass:publish.addresses.metrics: is "${address}", which is not reachable from the internet, so Cloudflare cannot proxy to it. Take a public address, or publish through a tunnel.`,
  ];

  it("refuses private, loopback, link-local and carrier-grade addresses of IPv4", () => {
    const refused = [
      "10.0.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "127.0.0.1",
      "169.254.169.254",
      "100.64.0.1",
      "100.127.255.255",
      "0.0.0.0",
    ];
    for (const address of refused) {
      assert.deepEqual(problemsOfAddress(address), unreachable(address));
    }
  });

  it("refuses unique local, loopback, link-local and unspecified addresses of IPv6", () => {
    for (const address of ["fc00::1", "FD12:3456::1", "::1", "fe80::1", "febf::1", "::"]) {
      assert.deepEqual(problemsOfAddress(address), unreachable(address));
    }
  });

  it("refuses private addresses in every spelling of IPv6", () => {
    for (const address of ["0:0:0:0:0:0:0:1", "::ffff:10.0.0.1", "::ffff:7f00:1"]) {
      assert.deepEqual(problemsOfAddress(address), unreachable(address));
    }
  });

  it("accepts the public neighbours of private addresses", () => {
    const accepted = [
      "9.255.255.255",
      "11.0.0.1",
      "172.15.255.255",
      "172.32.0.1",
      "192.167.1.1",
      "100.63.255.255",
      "100.128.0.1",
      "2001:db8::1",
      "fd.example.net",
    ];
    for (const address of accepted) {
      assert.deepEqual(problemsOfAddress(address), [], address);
    }
  });

  it("refuses what is neither an address nor a host name", () => {
    for (const address of [
      "",
      "localhost",
      "203.0.113.10:443",
      "2001:db8::1%eth0",
      "https://origin.example.net",
    ]) {
      assert.deepEqual(problemsOfAddress(address), [
        `sitepass:publish.addresses.metrics: is "${address}", which is neither an IP address nor a host name. Write it as in 203.0.113.10, 2001:db8::1 or origin.example.net.`,
      ]);
    }
  });

  it("does not take a misspelt IPv4 address for a host name", () => {
    for (const address of ["203.0.113.256", "203.0.113", "010.0.0.1"]) {
      assert.deepEqual(problemsOfAddress(address), [
        `sitepass:publish.addresses.metrics: is "${address}", which is neither an IP address nor a host name. Write it as in 203.0.113.10, 2001:db8::1 or origin.example.net.`,
      ]);
    }
  });
});

describe("parseConfig, on who pushed", () => {
  it("leads both signals to the gate's sockets where no origin is named, and leaves one that is", () => {
    for (const identity of ["label", "tenant"]) {
      const origins = orThrow(parse({ identity })).endpoints.map(({ origin }) => origin);
      assert.deepEqual(origins, ["unix:/run/sitepass/metrics.sock", "unix:/run/sitepass/logs.sock"]);
    }
    const endpoints = { metrics: { hostname: "prom.example.com", origin: "http://gate:80" } };
    assert.equal(orThrow(parse({ identity: "label", endpoints })).endpoints[0]?.origin, "http://gate:80");
    assert.equal(orThrow(parse({ identity: "off" })).endpoints[0]?.origin, "http://localhost:9090");
  });

  it("refuses a way that it does not know, and one that needs a tunnel where there is none", () => {
    assert.deepEqual(problemsWith({ identity: "labels" }), [
      'sitepass:identity: is "labels", which is not known. Did you mean label? Choose label, tenant, off.',
    ]);
    assert.deepEqual(
      problemsWith({
        identity: "tenant",
        endpoints: { metrics: { hostname: "prom.example.com" } },
        publish: { addresses: { metrics: "203.0.113.10" } },
      }),
      [
        "sitepass:identity: is tenant, and publish says addresses. Publish through a tunnel, or set it to off: the gate takes its requests from cloudflared.",
      ],
    );
  });

  it("fills in what central does not say, and refuses what it cannot do, all at once", () => {
    assert.deepEqual(orThrow(parse({ central: { limits: { requestsPerSecond: 5 } } })).central, {
      ...defaultCentral,
      limits: { requestsPerSecond: 5, bytesPerSecond: 4_000_000 },
    });
    const highest = { requestsPerSecond: 100_000, bytesPerSecond: 200_000_000 };
    assert.deepEqual(orThrow(parse({ central: { limits: highest } })).central.limits, highest);
    assert.deepEqual(problemsWith({ central: { limits: { bytesPerSecond: 200_000_001 } } }), [
      "sitepass:central.limits.bytesPerSecond: is 200000001, which is more than 200000000 bytes. Give a lower number.",
    ]);
    for (const server of ["smtp.example.com:0", "smtp.example.com:65536"]) {
      assert.deepEqual(problemsWith({ central: { mail: { server, from: "ops@example.com" } } }), [
        `sitepass:central.mail.server: is "${server}", which is not a mail server. Write host and port, as in smtp.example.com:587.`,
      ]);
    }
    for (const url of ["http://mimir/api/v1/push x", "http://mimir/api\n/v1/push", "http://mimir\\x/push"]) {
      assert.deepEqual(problemsWith({ central: { stores: { metrics: { url } } } }), [
        `sitepass:central.stores.metrics.url: is ${JSON.stringify(url)}, which is not the address of a write path. Write it whole, as in http://mimir:8080/api/v1/push.`,
      ]);
    }
    assert.deepEqual(
      problemsWith({
        central: {
          limits: { requestsPerSecond: 0, bytePerSecond: 1 },
          retentionDays: { metrics: 99_999 },
          stores: { metrics: { url: "http://mimir:8080", kind: "mimir" }, traces: {} },
          mail: { server: "smtp.example.com", from: "ops" },
        },
      }),
      [
        "sitepass:central.limits.requestsPerSecond: is 0, which is less than one request. Give a whole number from 1 on.",
        "sitepass:central.limits.bytePerSecond: is not a known key. Did you mean bytesPerSecond? Known keys here: bytesPerSecond, requestsPerSecond.",
        "sitepass:central.retentionDays.metrics: is 99999, which is more than 36500 days. Give a lower number.",
        'sitepass:central.stores.metrics.url: is "http://mimir:8080", which is not the address of a write path. Write it whole, as in http://mimir:8080/api/v1/push.',
        'sitepass:central.stores.metrics.kind: is "mimir", which is not known. Choose prometheus, victoriametrics.',
        "sitepass:central.stores.traces: is not a known key. Known keys here: logs, metrics.",
        'sitepass:central.mail.server: is "smtp.example.com", which is not a mail server. Write host and port, as in smtp.example.com:587.',
        'sitepass:central.mail.from: is "ops", which is not an e-mail address. Write it as in ops@example.com.',
      ],
    );
  });
});
