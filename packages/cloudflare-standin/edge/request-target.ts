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
