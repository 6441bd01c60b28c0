import { compress } from "snappyjs";
import type { SignalName } from "../../fleet/signals";
import { encodeMessage, lokiHeaders, remoteWriteHeaders } from "../../local/pushes/push-messages";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";

/** A push by which one site tries to write under the name of another. */
export interface HostilePush {
  readonly what: string;
  readonly signal: SignalName;
  readonly path: string;
  readonly method?: string;
  /** Beside the site's own credentials, which come before. */
  readonly headers: HeaderLines;
  readonly body: Buffer;
  /** The value of the series' label `attempt`, or the text of the line: each is a series or line of its own. */
  readonly marker: string;
}

type Pairs = readonly (readonly [name: string, value: string])[];

interface Names {
  /** Who pushes. */
  readonly own: string;
  /** Whose name it wants. */
  readonly other: string;
  readonly siteLabel: string;
}

const now = (): number => Date.now();

/** Remote write 1.0 with labels in exactly this order, twice where they are named twice. */
function writeBody(marker: string, labels: Pairs): Buffer {
  const pairs = [["__name__", "hostile"], ...labels, ["attempt", marker]].map(([name, value]) => ({
    name,
    value,
  }));
  return compress(
    encodeMessage("WriteRequest", {
      timeseries: [{ labels: pairs, samples: [{ value: 1, timestamp: now() }] }],
    }),
  );
}

const write2Headers: HeaderLines = [
  ["Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"],
  ["Content-Encoding", "snappy"],
  ["X-Prometheus-Remote-Write-Version", "2.0.0"],
];

function write2Body(marker: string, labels: Pairs): Buffer {
  const texts = ["__name__", "hostile", ...labels.flat(), "attempt", marker];
  return compress(
    encodeMessage("Request2", {
      symbols: ["", ...texts],
      timeseries: [
        { labels_refs: texts.map((_, index) => index + 1), samples: [{ value: 1, timestamp: now() }] },
      ],
    }),
  );
}

const selector = (labels: Pairs): string =>
  `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;

function lokiProtobuf(marker: string, labels: Pairs, metadata: Pairs = []): Buffer {
  const seconds = String(Math.floor(now() / 1000));
  const structuredMetadata = metadata.map(([name, value]) => ({ name, value }));
  const entries = [{ timestamp: { seconds, nanos: 0 }, line: marker, structuredMetadata }];
  return compress(encodeMessage("PushRequest", { streams: [{ labels: selector(labels), entries }] }));
}

/** Written by hand: an object could not hold a key twice. */
function lokiJson(marker: string, labels: Pairs): Buffer {
  const stream = labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  return Buffer.from(`{"streams":[{"stream":{${stream}},"values":[["${now()}000000","${marker}"]]}]}`);
}

const otlpLogs = (marker: string, attributes: Pairs): Record<string, unknown> => ({
  resourceLogs: [
    {
      resource: { attributes: attributes.map(([key, value]) => ({ key, value: { stringValue: value } })) },
      scopeLogs: [{ logRecords: [{ timeUnixNano: `${now()}000000`, body: { stringValue: marker } }] }],
    },
  ],
});

/** Every attempt, each with a marker of its own. */
export function hostilePushes(names: Names): readonly HostilePush[] {
  const { other } = names;
  const query = (text: string): string =>
    text.replaceAll("LABEL", names.siteLabel).replaceAll("OTHER", other);
  const attempts = [
    ...seriesAttempts(names).map(([what, labels]) => writeAttempt(`remote write 1.0, ${what}`, labels)),
    ...seriesAttempts(names).map(([what, labels]) => write2Attempt(`remote write 2.0, ${what}`, labels)),
    ...queryAttempts.map((text) =>
      writeAttempt(`remote write 1.0, to ${query(text)}`, [], { query: query(text) }),
    ),
    ...headerAttempts(other).map(([what, headers]) =>
      writeAttempt(`remote write 1.0, ${what}`, [], { headers }),
    ),
    (marker: string): Omit<HostilePush, "marker"> => ({
      what: "remote write 2.0 that says that it is 1.0",
      signal: "metrics",
      path: "/api/v1/write",
      headers: remoteWriteHeaders,
      body: write2Body(marker, [[names.siteLabel, other]]),
    }),
    ...otherPaths.map((path) =>
      writeAttempt(`remote write 1.0, to ${path}`, [[names.siteLabel, other]], { path }),
    ),
    ...streamAttempts(names).flatMap(([what, labels]) => [
      logAttempt(`Loki protobuf, ${what}`, "protobuf", labels),
      logAttempt(`Loki JSON, ${what}`, "json", labels),
    ]),
    ...headerAttempts(other).flatMap(([what, headers]) => [
      logAttempt(`Loki protobuf, ${what}`, "protobuf", [["job", "x"]], { headers }),
      logAttempt(`Loki JSON, ${what}`, "json", [["job", "x"]], { headers }),
      otlpAttempt(`OTLP logs, ${what}`, [["service.name", "x"]], headers),
    ]),
    logAttempt("Loki JSON, to the path that takes lines alone", "json", [["job", "x"]], {
      path: query("/loki/api/v1/raw?LABEL=OTHER"),
    }),
    ...resourceAttempts(names).map(([what, attributes]) => otlpAttempt(`OTLP logs, ${what}`, attributes)),
  ];
  return attempts.map((attempt, index) => {
    const marker = `hostile_${index}`;
    return { ...attempt(marker), marker };
  });
}

type Attempt = (marker: string) => Omit<HostilePush, "marker">;

function seriesAttempts({ own, other, siteLabel }: Names): readonly (readonly [string, Pairs])[] {
  return [
    ["another's label", [[siteLabel, other]]],
    ["no label", []],
    ["an empty label", [[siteLabel, ""]]],
    [
      "its own label, then another's",
      [
        [siteLabel, own],
        [siteLabel, other],
      ],
    ],
    [
      "another's label, then its own",
      [
        [siteLabel, other],
        [siteLabel, own],
      ],
    ],
    [
      "another's label twice",
      [
        [siteLabel, other],
        [siteLabel, other],
      ],
    ],
    ["the label that relabelling uses", [["sitepass_site", other]]],
    [
      "the label that relabelling uses, twice",
      [
        ["sitepass_site", other],
        ["sitepass_site", other],
      ],
    ],
    [
      "both labels",
      [
        [siteLabel, other],
        ["sitepass_site", other],
      ],
    ],
    [
      "labels out of order",
      [
        ["zone", "z"],
        [siteLabel, other],
        ["a", "b"],
      ],
    ],
    ["the tenant's own label", [["__tenant_id__", other]]],
    ["a label that relabelling might expand", [[siteLabel, `\${1}${other}`]]],
  ];
}

function streamAttempts({ own, other, siteLabel }: Names): readonly (readonly [string, Pairs])[] {
  return [
    ["another's label", [[siteLabel, other]]],
    ["no site label", [["job", "x"]]],
    [
      "its own label, then another's",
      [
        [siteLabel, own],
        [siteLabel, other],
      ],
    ],
    [
      "the tenant's own label",
      [
        ["__tenant_id__", other],
        ["job", "x"],
      ],
    ],
  ];
}

function resourceAttempts({ own, other, siteLabel }: Names): readonly (readonly [string, Pairs])[] {
  return [
    ["another's attribute", [[siteLabel, other]]],
    [
      "its own attribute, then another's",
      [
        [siteLabel, own],
        [siteLabel, other],
      ],
    ],
    ["the tenant's own label as an attribute", [["__tenant_id__", other]]],
  ];
}

const queryAttempts = [
  "?extra_label=LABEL=OTHER",
  "?extra_label=LABEL=OTHER&extra_label=LABEL=OTHER",
  "?extra%5Flabel=LABEL%3DOTHER",
  "?EXTRA_LABEL=LABEL=OTHER;extra_label=LABEL=OTHER",
  "?extra_filters[]={LABEL=%22OTHER%22}",
] as const;

const otherPaths = [
  "/api/v1/import",
  "/api/v1/write/",
  "/api/v1/./write",
  "/insert/0/prometheus/api/v1/write",
  "//api/v1/write",
  "/api/v1/push",
] as const;

function headerAttempts(other: string): readonly (readonly [string, HeaderLines])[] {
  return [
    ["another's tenant", [["X-Scope-OrgID", other]]],
    [
      "another's tenant in lower case, twice",
      [
        ["x-scope-orgid", other],
        ["X-SCOPE-ORGID", other],
      ],
    ],
    ["two tenants in one", [["X-Scope-OrgID", `x|${other}`]]],
    ["an assertion of its own", [["Cf-Access-Jwt-Assertion", forgedAssertion(other)]]],
  ];
}

/** Unsigned, with another's client ID. */
const forgedAssertion = (commonName: string): string =>
  [{ alg: "none" }, { common_name: commonName, exp: 4_102_444_800 }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .concat("")
    .join(".");

const writeAttempt =
  (
    what: string,
    labels: Pairs,
    {
      path = "/api/v1/write",
      query = "",
      headers = [],
    }: { path?: string; query?: string; headers?: HeaderLines } = {},
  ): Attempt =>
  (marker) => ({
    what,
    signal: "metrics",
    path: `${path}${query}`,
    headers: [...headers, ...remoteWriteHeaders],
    body: writeBody(marker, labels),
  });

const write2Attempt =
  (what: string, labels: Pairs): Attempt =>
  (marker) => ({
    what,
    signal: "metrics",
    path: "/api/v1/write",
    headers: write2Headers,
    body: write2Body(marker, labels),
  });

const logAttempt =
  (
    what: string,
    format: "json" | "protobuf",
    labels: Pairs,
    { path = "/loki/api/v1/push", headers = [] }: { path?: string; headers?: HeaderLines } = {},
  ): Attempt =>
  (marker) => ({
    what,
    signal: "logs",
    path,
    headers: [...headers, ...lokiHeaders(format)],
    body: format === "json" ? lokiJson(marker, labels) : lokiProtobuf(marker, labels, labels),
  });

const otlpAttempt =
  (what: string, attributes: Pairs, headers: HeaderLines = []): Attempt =>
  (marker) => ({
    what,
    signal: "logs",
    path: "/otlp/v1/logs",
    headers: [...headers, ["Content-Type", "application/json"]],
    body: Buffer.from(JSON.stringify(otlpLogs(marker, attributes))),
  });
