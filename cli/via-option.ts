import { isLoopback } from "../fleet/names";
import { failure, orThrow, success, UserError, type Result } from "../fleet/problem";
import type { Via } from "../operate/verify/transport";

/**
 * Reads `--via`, the address to which requests are sent instead of to the public hosts.
 *
 * @param onStandIn the stack is one of local/engine, whose hosts exist on this machine only.
 * @throws UserError when it is not such an address, or is missing for such a stack.
 */
export function readVia({ via, onStandIn }: { via?: string; onStandIn: boolean }): Via | undefined {
  if (onStandIn && via === undefined) {
    throw new UserError({
      subject: "--via",
      says: "is missing, and the hosts of a stack of local/engine exist on this machine only",
      todo: "Give the address that `npm run standin` prints",
    });
  }
  return via === undefined ? undefined : orThrow(parseVia(via));
}

/**
 * Plain http is only for this machine, because the requests carry secrets. Over https the certificate must be the public host's, so
 * any address is accepted, such as one of Cloudflare's or of a server behind it.
 */
export function parseVia(text: string): Result<Via> {
  const refused = (says: string, todo: string) =>
    failure({ subject: "--via", says: `is "${text}", which ${says}`, todo });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (isHttp ? url.username !== "" || url.password !== "" : text.includes("@")) {
    // Not shown, because it may be a password.
    return failure({ subject: "--via", says: "contains a user", todo: "Give only scheme, host and port" });
  }
  if (url === undefined) {
    return refused("is not an address", "Write it as in http://127.0.0.1:8798");
  }
  const { protocol, port } = url;
  if (protocol !== "http:" && protocol !== "https:") {
    return refused("is neither http nor https", "Write it as in http://127.0.0.1:8798");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    const todo = "Drop the rest; the paths are those of the configuration";
    return refused("has more than scheme, host and port", todo);
  }
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  if (protocol === "http:" && !isLoopback(hostname)) {
    return refused(
      "is plain http to another machine, and the sites' secrets would cross the network in clear",
      "Use https, or an address of this machine",
    );
  }
  const standardPort = protocol === "http:" ? 80 : 443;
  return success({ protocol, hostname, port: port === "" ? standardPort : Number(port) });
}
