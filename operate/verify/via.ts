import { UserError } from "../../fleet/problem";

/** Where requests are sent instead of to the public hosts. */
export interface Via {
  readonly protocol: "http:" | "https:";
  /** A name, or an IP address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads the address of `--via`. Plain http is for this machine alone: the requests carry secrets. Over https the certificate must
 * be the public host's, so any address will do, such as one of Cloudflare's or of a server behind it.
 *
 * @throws UserError
 */
export function parseVia(text: string): Via {
  if (!URL.canParse(text)) {
    throw refused(text, "is not an address", "Write it as in http://127.0.0.1:8798");
  }
  const url = new URL(text);
  const { protocol, port } = url;
  if (protocol !== "http:" && protocol !== "https:") {
    throw refused(text, "is neither http nor https", "Write it as in http://127.0.0.1:8798");
  }
  if (url.username !== "" || url.password !== "") {
    // Not shown: it may be a password.
    throw new UserError(["--via: has a user in it. Give scheme, host and port alone."]);
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw refused(
      text,
      "has more than scheme, host and port",
      "Drop the rest; the paths are the configuration's",
    );
  }
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  if (protocol === "http:" && !isLoopback(hostname)) {
    throw refused(
      text,
      "is plain http to another machine, and the sites' secrets would cross the network in clear",
      "Use https, or an address of this machine",
    );
  }
  return { protocol, hostname, port: port === "" ? (protocol === "http:" ? 80 : 443) : Number(port) };
}

/** No names but localhost: what another name resolves to can change. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function refused(text: string, says: string, todo: string): UserError {
  return new UserError([`--via: is "${text}", which ${says}. ${todo}.`]);
}
