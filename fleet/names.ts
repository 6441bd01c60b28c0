import { BlockList, isIP } from "node:net";

/** Longest DNS label (RFC 1035, section 2.3.4). A site's name is one, so that it can be part of a host name anywhere. */
const longestLabel = 63;

const dnsLabel = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** What is wrong with a text as a lower-case DNS label, or undefined when it is one. */
export function dnsLabelProblem(text: string): string | undefined {
  if (text.length > longestLabel) {
    return `has ${text.length} characters; ${longestLabel} are allowed`;
  }
  return dnsLabel.test(text)
    ? undefined
    : "is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed";
}

/** What is wrong with a text as the name of a shard, or undefined. */
export function shardProblem(text: string): string | undefined {
  const wrong = dnsLabelProblem(text);
  return wrong === undefined ? undefined : `${wrong}. Write it as in eu`;
}

/** The shard as messages speak of it. */
export const shardText = (shard: string): string =>
  shard === "" ? "the shard without a name" : `the shard ${shard}`;

/** What is wrong with a text as a lower-case, fully qualified host name without a trailing dot, or undefined. */
export function hostNameProblem(text: string): string | undefined {
  const labels = text.split(".");
  if (
    text.length > 253 ||
    labels.length < 2 ||
    labels.some((label) => dnsLabelProblem(label) !== undefined) ||
    // An address, or one that was mistyped: no top-level domain is a number (RFC 3696, section 2).
    /^\d+$/.test(labels.at(-1) ?? "")
  ) {
    return "is not a host name in lower case. Write it as in prom.example.com, names in other scripts in punycode";
  }
  return undefined;
}

/**
 * What is wrong with a host name as a push endpoint of the zone, or undefined.
 *
 * One label below the zone is the limit: Cloudflare's Universal SSL certificate covers `example.com` and
 * `*.example.com` only (cloudflare-docs, create-remote-tunnel-api). The zone itself is refused because the
 * application that shuts everything but the write paths would shut the whole web site on it.
 */
export function hostInZoneProblem(host: string, zone: string): string | undefined {
  if (host === zone) {
    return `is the zone itself, and everything but the write paths is shut on a push host. Take a name below it, such as push.${zone}`;
  }
  if (!host.endsWith(`.${zone}`)) {
    return `is not in the zone ${zone}. Take a name directly below it, or set sitepass:zone to the zone it is in`;
  }
  const below = host.slice(0, -zone.length - 1);
  return below.includes(".")
    ? `is more than one level below the zone ${zone}, and Cloudflare's Universal SSL certificate covers one. Take a name such as ${below.replaceAll(".", "-")}.${zone}`
    : undefined;
}

/**
 * Prefix of the names that this project gives to objects in Cloudflare. Project and stack are part of it, so that two
 * stacks in one account never take each other's tokens for their own.
 */
export function ownNamePrefix(project: string, stack: string): string {
  return `${project}/${stack}/`;
}

/**
 * What is wrong with a label name, or undefined when Prometheus and Loki both take it.
 * Names that begin with two underscores are reserved (prometheus.io/docs/concepts/data_model; Loki uses the same rules).
 */
export function labelNameProblem(name: string): string | undefined {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
    return "is not a label name that Prometheus and Loki accept: letters, digits and underscores, no digit first. Rename it";
  }
  if (name.length > longestLabelName) {
    return `has ${name.length} characters, and Loki takes ${longestLabelName} in a label's name. Shorten it`;
  }
  return name.startsWith("__") ? "begins with __, which Prometheus reserves. Rename it" : undefined;
}

/** Loki, limits_config.max_label_name_length; Prometheus' receiver has no limit. */
const longestLabelName = 1024;

/** Without these, what was several series or streams becomes one, or means something else (docs/facts/collectors.md, K58). */
const labelsOfTheData: Readonly<Record<string, string>> = {
  job: "tells the series of one target from those of others",
  instance: "tells the series of one target from those of others",
  le: "tells the buckets of a histogram apart",
  quantile: "tells the quantiles of a summary apart",
  filename: "names the file that a line was read from",
  unit: "names the unit that a line comes from",
  host: "comes with what Telegraf and Vector collect",
  hostname: "comes with what Fluent Bit collects",
  service_name: "is a label that Loki makes itself",
};

/**
 * What is wrong with the name of a label that every sample and line of a site is to carry, or undefined. The names that data bring
 * themselves are refused, because collectors differ in whose label counts.
 */
export function addedLabelProblem(name: string): string | undefined {
  const wrong = labelNameProblem(name);
  if (wrong !== undefined) {
    return wrong;
  }
  if (name.startsWith("exported_")) {
    return "begins with exported_, under which collectors keep what the data bring. Rename it";
  }
  const use = Object.hasOwn(labelsOfTheData, name) ? labelsOfTheData[name] : undefined;
  return use === undefined
    ? undefined
    : `${use}, so that it cannot be the same for a whole site. Rename it, such as to site_${name}`;
}

/** Stands for a site's name in the tenant that a fleet is configured with. */
const sitePlaceholder = "{site}";

/** The longest tenant that Loki and Mimir take. */
const longestTenant = 150;

/**
 * What is wrong with a tenant as configured, or undefined. Empty is none, which is right too. Loki and Mimir also take
 * `!*'()` (docs/facts/edge.md, E66), which collectors' files quote differently.
 */
export function tenantProblem(configured: string): string | undefined {
  // A site's name has letters that are right, and may be as long as it can be.
  const tenant = tenantOf(configured, "x".repeat(longestLabel)) ?? "";
  if (tenant === "." || tenant === ".." || !/^[\w.-]*$/.test(tenant)) {
    return "is not a tenant that every collector can name: letters, digits and -_. alone. Write it as in ops, or as {site} for each site's name";
  }
  return tenant.length > longestTenant
    ? `can have ${tenant.length} characters with the longest site's name, and Loki and Mimir take ${longestTenant}. Shorten it`
    : undefined;
}

/** The tenant that a site's pushes name; undefined when they name none. */
export function tenantOf(configured: string, site: string): string | undefined {
  return configured === "" ? undefined : configured.replaceAll(sitePlaceholder, site);
}

/** Address ranges that Cloudflare cannot reach: private, local and reserved ones (IANA special-purpose registries). */
const unreachable = { 4: new BlockList(), 6: new BlockList() };
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  unreachable[4].addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  // Loopback, and IPv4 addresses in IPv6's clothes.
  ["::", 8],
  ["fc00::", 7],
  // Link-local, site-local and multicast.
  ["fe80::", 9],
  ["ff00::", 8],
] as const) {
  unreachable[6].addSubnet(network, prefix, "ipv6");
}

/** What is wrong with an IP address or host name as a place that Cloudflare proxies to, or undefined. */
export function publicAddressProblem(address: string): string | undefined {
  // An address with a zone, fe80::1%eth0, is one of a single machine's links; Node takes it for an address.
  const kind = address.includes("%") ? 0 : isIP(address);
  if (kind !== 4 && kind !== 6) {
    return hostNameProblem(address) === undefined
      ? undefined
      : "is neither an IP address nor a host name. Write it as in 203.0.113.10, 2001:db8::1 or origin.example.net";
  }
  // Two lists: in a common one, an IPv6 range also matches IPv4 addresses by their mapped form.
  return unreachable[kind].check(address, kind === 4 ? "ipv4" : "ipv6")
    ? "is not reachable from the internet, so Cloudflare cannot proxy to it. Take a public address, or publish through a tunnel"
    : undefined;
}

/** Whether a host is this machine. The only name is localhost, because what another name resolves to can change. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * What is wrong with a text as the address of a site's HTTP proxy, or undefined. Nothing that collectors read differently: no
 * proxy that is spoken to by TLS, no port by default. No password, because site files are no place for one.
 */
export function proxyProblem(address: string): string | undefined {
  const hint = "Write it as in http://proxy.example.net:3128";
  if (address.includes("@")) {
    return "holds a user or a password, and site files are read by everybody who sees the repository. Have the proxy let the site through by its address, and write it without";
  }
  const match = /^http:\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\]):([0-9]{1,5})$/.exec(address);
  const [, host = "", port = ""] = match ?? [];
  const known =
    isIP(host.replace(/^\[|\]$/g, "")) !== 0 ||
    host.split(".").every((label) => dnsLabelProblem(label) === undefined);
  return known && Number(port) >= 1 && Number(port) <= 65_535
    ? undefined
    : `is not the address of an HTTP proxy with its port. ${hint}`;
}
