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
