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
    : "is no lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed";
}

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
    return "is no host name in lower case. Write it as in prom.example.com, names in other scripts in punycode";
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
