/** Where a request wants to go: host name in lower case without port, and path with query exactly as sent. */
export interface RequestTarget {
  readonly host: string;
  readonly path: string;
}

/**
 * Reads the request target, or says why it cannot be read; the answer is then 400 [gap].
 *
 * An absolute-form target wins over the Host header (RFC 9112, section 3.2.2). A port is dropped, where Access would
 * redirect to the default port (app-paths.mdx "Port numbers"): the imitation listens on a port of its own. A trailing dot of
 * the host stays, so that such a name has no record; that the host's case is lost on the way to the origin, too, is a gap.
 */
export function readTarget(
  url: string,
  hostHeaders: readonly string[],
): RequestTarget | { readonly problem: string } {
  const [hostHeader] = hostHeaders;
  if (hostHeader === undefined || hostHeaders.length > 1) {
    return { problem: `${hostHeaders.length} Host headers` };
  }
  if (url.includes("#")) {
    return { problem: "a fragment in the request target" };
  }
  if (url.startsWith("/")) {
    return withHost(hostHeader, url);
  }
  const [, authority, rest] = /^https?:\/\/([^/?]+)(.*)$/i.exec(url) ?? [];
  if (authority === undefined || rest === undefined) {
    return { problem: "a request target that is neither a path nor an http URL" };
  }
  return withHost(authority, rest.startsWith("/") ? rest : `/${rest}`);
}

function withHost(authority: string, path: string): RequestTarget | { readonly problem: string } {
  const [, host] = /^([^:@\s/]+)(?::\d*)?$/.exec(authority) ?? [];
  return host === undefined ? { problem: "a malformed host" } : { host: host.toLowerCase(), path };
}

/**
 * The two kinds of URL normalisation of a zone (cloudflare-docs, rules/normalization/how-it-works). Which one a zone starts
 * with is not certain: rules/normalization/settings names RFC 3986 as the default. "Normalize incoming URLs" is on by default
 * and covers Access; "Normalize URLs to origin" is off by default, so origins get what was sent.
 */
export type UrlNormalization = "cloudflare" | "rfc3986";

/** The path, without query, as Access sees it. `%2F` is a reserved character and stays; an incomplete escape stays too [gap]. */
export function normalisedPath(target: string, kind: UrlNormalization): string {
  const [path = ""] = target.split("?", 1);
  const merged = kind === "cloudflare" ? path.replaceAll("\\", "/").replace(/\/{2,}/g, "/") : path;
  return withoutDotSegments(withNormalEncoding(merged));
}

/** Decodes escapes of unreserved characters, once; writes the other escapes in upper case; escapes what may not stand alone. */
function withNormalEncoding(path: string): string {
  return path.replace(/%[0-9a-f]{2}|[^\w\-.~:/?#[\]@!$&'()*+,;=%]/gi, (found) => {
    if (found.length === 1) {
      return `%${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
    }
    const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    return /[\w\-.~]/.test(character) ? character : found.toUpperCase();
  });
}

/** RFC 3986, section 5.2.4. */
function withoutDotSegments(path: string): string {
  const segments = path.split("/").slice(1);
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isDots = segment === "." || segment === "..";
    if (segment === "..") {
      kept.pop();
    }
    if (!isDots) {
      kept.push(segment);
    } else if (index === segments.length - 1) {
      kept.push("");
    }
  }
  return `/${kept.join("/")}`;
}

/**
 * The path of a request target as Go's `URL.Path` has it: without query, percent-decoded once, otherwise as sent (Go net/url;
 * cloudflared matches rules on it, CFD:proxy/proxy.go). Bytes, because they need not be UTF-8. Undefined when an escape is
 * incomplete: then Go does not parse the URL.
 */
export function goPath(target: string): Buffer | undefined {
  const [path = ""] = target.split("?", 1);
  if (/%(?![0-9a-f]{2})/i.test(path)) {
    return undefined;
  }
  const decoded = path.replace(/%[0-9a-f]{2}/gi, (escape) =>
    String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
  );
  return Buffer.from(decoded, "latin1");
}
