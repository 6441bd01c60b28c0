import { z } from "zod";
import { durationProblem } from "./duration";
import {
  addedLabelProblem,
  hostNameProblem,
  publicAddressProblem,
  shardProblem,
  tenantProblem,
} from "./names";
import { signalNames, type SignalName } from "./signals";
import { checkedText } from "./zod-issues";

const hexId = /^[0-9a-f]{32}$/;

/** True when a zone is configured by its ID instead of its name. */
export function isZoneId(zone: string): boolean {
  return hexId.test(zone);
}

/**
 * A write path becomes a destination of an Access application and, anchored, a pattern of the tunnel. The characters
 * are the ones that mean themselves in both; wildcards, dot segments and trailing slashes would open more than one path.
 */
const writePath = checkedText((path) =>
  /^(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._~-]+)+$/.test(path)
    ? undefined
    : "is not a write path: it begins with a slash, does not end with one, and has no wildcard, dot segment or query. Write it as in /api/v1/write",
);

/** What is wrong with a text as the address of a service behind the tunnel, or undefined. */
export function originProblem(value: string): string | undefined {
  if (value.startsWith("unix:")) {
    return socketProblem(value.slice("unix:".length));
  }
  const hint = "Write it as in http://localhost:9090; cloudflared adds the request's own path";
  // Node passes over white space around and within an address, and takes \ for /; cloudflared does neither.
  if (!URL.canParse(value) || !/^https?:\/\/[^\s\\"]*$/.test(value)) {
    return `is not an http or https address. ${hint}`;
  }
  // A path is refused by cloudflared: "ingress rules don't support proxying to a different path on the origin service".
  return /^https?:\/\/[^/?#@]+$/.test(value) ? undefined : `has more than scheme, host and port. ${hint}`;
}

/** The longest path of a socket that Linux takes: 108 bytes, of which one ends it (unix(7), `sun_path`). */
const longestSocketPath = 107;

function socketProblem(path: string): string | undefined {
  if (!/^(?:\/[A-Za-z0-9._-]+)+$/.test(path)) {
    return "does not name a socket. Write its absolute path, as in unix:/run/sitepass/metrics.sock";
  }
  return path.length > longestSocketPath
    ? `is a path of ${path.length} characters, and a socket's has ${longestSocketPath} at most. Name a shorter one`
    : undefined;
}

const origin = checkedText(originProblem);

const endpointSchema = z.strictObject({
  hostname: checkedText(hostNameProblem),
  paths: z
    .array(writePath)
    .min(1, "is empty. Leave the key out for the default, or name a path")
    // How many an Access application takes differs from account to account: provision/destination-limit.ts.
    .refine((paths) => new Set(paths).size === paths.length, "names a path twice. Name it once")
    .optional(),
  origin: origin.optional(),
});

const perSignal = <T extends z.ZodType>(schema: T) =>
  z.strictObject(
    Object.fromEntries(signalNames.map((name) => [name, schema.optional()])) as Record<
      SignalName,
      z.ZodOptional<T>
    >,
  );

const publishSchema = z
  .strictObject({
    tunnel: z
      .strictObject({
        name: z
          .string()
          .trim()
          .min(1, "is empty. Give the tunnel a name")
          .max(100, "is longer than 100 characters. Shorten it"),
      })
      .optional(),
    addresses: perSignal(checkedText(publicAddressProblem)).optional(),
  })
  .refine(
    ({ tunnel, addresses }) => tunnel !== undefined || addresses !== undefined,
    "says neither tunnel nor addresses. Write { tunnel: { name: ... } }, or { addresses: ... } without a tunnel",
  )
  .refine(
    ({ tunnel, addresses }) => tunnel === undefined || addresses === undefined,
    "says both tunnel and addresses. Keep one of them: a host name leads to one place",
  );

/** How the central host tells who pushed; central/central-host.ts says what each does. */
const identities = ["label", "tenant", "off"] as const;

/** An address of a store that the gate writes to, path included. */
const storeUrl = checkedText((value) =>
  /^https?:\/\/[^/?#@]+\/[^?#]*[^/?#]$/.test(value) && !/[\s\\"]/.test(value) && URL.canParse(value)
    ? undefined
    : "is not the address of a write path. Write it whole, as in http://mimir:8080/api/v1/push",
);

const wholeNumber = (unit: string, most: number) =>
  z
    .int()
    .min(1, `is less than one ${unit}. Give a whole number from 1 on`)
    .max(most, `is more than ${most} ${unit}s. Give a lower number`);

const centralSchema = z.strictObject({
  limits: z
    .strictObject({
      requestsPerSecond: wholeNumber("request", 100_000).default(50),
      // HAProxy counts in 32 bits, and over ten seconds (central/gate/haproxy-config.ts).
      bytesPerSecond: wholeNumber("byte", 200_000_000).default(4_000_000),
    })
    .prefault({}),
  retentionDays: z
    .strictObject({
      metrics: wholeNumber("day", 36_500).default(90),
      logs: wholeNumber("day", 36_500).default(31),
    })
    .prefault({}),
  stores: z
    .strictObject({
      metrics: z
        .strictObject({
          url: storeUrl,
          kind: z.enum(["prometheus", "victoriametrics"]).default("prometheus"),
        })
        .optional(),
      logs: z.strictObject({ url: storeUrl }).optional(),
    })
    .prefault({}),
  mail: z
    .strictObject({
      server: checkedText((value) => {
        const port = Number(/^[^\s:/@]+:(\d{1,5})$/.exec(value)?.[1] ?? 0);
        return port >= 1 && port <= 65_535
          ? undefined
          : "is not a mail server. Write host and port, as in smtp.example.com:587";
      }),
      from: z.email("is not an e-mail address. Write it as in ops@example.com"),
      user: z.string().min(1, "is empty. Leave it out for a server that asks for no password").optional(),
    })
    .optional(),
});

/**
 * Every configuration key in the namespace `sitepass`. Pulumi.yaml documents the same keys, types, descriptions and
 * defaults; test/repository.test.ts holds the two together.
 */
export const configSchema = z.strictObject({
  accountId: checkedText((id) =>
    hexId.test(id)
      ? undefined
      : "is not an account ID: 32 characters 0-9 and a-f. Copy it from the dashboard's Overview page",
  ).describe(
    "ID of the Cloudflare account: 32 hexadecimal digits, on the dashboard's Overview page of the zone.",
  ),
  zone: checkedText((zone) =>
    isZoneId(zone) || hostNameProblem(zone) === undefined
      ? undefined
      : "is neither a zone name such as example.com nor a zone ID of 32 hexadecimal digits. Copy either from the dashboard",
  ).describe("The zone that the host names lie in, by name (example.com) or by ID (32 hexadecimal digits)."),
  endpoints: perSignal(endpointSchema)
    .refine(
      (endpoints) => signalNames.some((name) => endpoints[name] !== undefined),
      `names no endpoint. Give at least one of ${signalNames.join(", ")}`,
    )
    .describe(
      "Where each signal is pushed: metrics and logs, each { hostname, paths, origin }. Paths and origin have defaults by signal.",
    ),
  publish: publishSchema.describe(
    "How the host names reach the central host: { tunnel: { name } }, or { addresses: { metrics, logs } } with an IPv4 address, IPv6 address or host name each.",
  ),
  teamName: checkedText((name) =>
    name === "" || /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
      ? undefined
      : "is not a team name. Give the part before .cloudflareaccess.com alone",
  )
    .default("")
    .describe(
      "Zero Trust team name, the part before .cloudflareaccess.com. Empty: looked up from the account's organization.",
    ),
  tokenDuration: checkedText(durationProblem)
    .default("8760h")
    .describe(
      "How long a service token is valid when its site does not say: hours such as 8760h, or forever.",
    ),
  siteLabel: checkedText(addedLabelProblem)
    .default("provider")
    .describe("Name of the label that carries the site's name on every sample and log line."),
  tenant: checkedText(tenantProblem)
    .default("")
    .describe(
      "Tenant that pushes name in X-Scope-OrgID, for a Loki or Mimir that has tenants: one name for all sites, or {site} for each site's own name, alone or within more text. Empty: none is named.",
    ),
  identity: z
    .enum(identities)
    .default("off")
    .describe(
      "How the central host tells who pushed: label (a site's samples and lines carry its own name, whatever it sent), tenant (a Loki or Mimir with tenants is told the site), or off (the site's word is taken). With label and tenant the tunnel leads to the gate that `sitepass central` renders.",
    ),
  central: centralSchema
    .prefault({})
    .describe(
      "What `sitepass central` renders: { limits: { requestsPerSecond, bytesPerSecond } } for each site, { retentionDays: { metrics, logs } }, { stores: { metrics: { url, kind }, logs: { url } } } for stores of your own, { mail: { server, from, user } } for alarms to alertEmails. Each has a default.",
    ),
  serviceTokenLimit: z
    .int()
    .min(1, "is less than one token. Give the account's limit")
    .default(50)
    .describe(
      "How many service tokens the account may have; Cloudflare's default is 50, and Enterprise accounts can have more.",
    ),
  shard: checkedText((name) => (name === "" ? undefined : shardProblem(name)))
    .default("")
    .describe(
      "Which shard of the fleet the stack is: it declares the sites whose file says the same `shard`, or is moving there (`movingTo`). Empty: the shard without a name, of the sites whose file says none.",
    ),
  alertEmails: z
    .array(z.email("is not an e-mail address. Write it as in ops@example.com"))
    .default([])
    .describe(
      "Who is told by e-mail that a token is about to expire or the tunnel's health has changed. Empty: no alerts.",
    ),
  protect: z
    .boolean()
    .default(false)
    .describe(
      "Refuse every `pulumi destroy`, and whatever would delete the tunnel, which every connector would have to be given a new token for.",
    ),
  preflight: z
    .boolean()
    .default(true)
    .describe(
      "Count the account's service tokens before anything is declared, and stop when they would not fit.",
    ),
  allowRemovals: z
    .int()
    .min(0, "is less than none. Give the number of sites that are to go")
    .default(0)
    .describe(
      "How many sites one up may remove beyond the brake, which stops at 30 percent of a fleet of ten or more, and at the last site.",
    ),
});

export type ConfigValues = z.infer<typeof configSchema>;
