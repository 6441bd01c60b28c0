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
