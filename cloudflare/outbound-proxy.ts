import type { EnvHttpProxyAgent } from "undici";
import { failure, success, UserError, type Result } from "../fleet/problem";

/** The HTTP proxy through which this machine reaches the internet. */
export interface OutboundProxy {
  /** The variable that names it. */
  readonly variable: "HTTPS_PROXY" | "https_proxy";
  /** May hold a password: never shown. */
  readonly address: URL;
  /** Hosts that are reached without it, as in `NO_PROXY`. */
  readonly exceptions: string;
}

/** This machine itself is never reached through a proxy, as with Go's programs, Pulumi among them. */
const thisMachine = "localhost,127.0.0.1,[::1],::1";

/**
 * The proxy that the usual variables name, in lower case first; undefined when there is none. `HTTP_PROXY` is for plain HTTP, which
 * nothing here speaks to other machines.
 *
 * @throws UserError when the address is not one of an HTTP proxy.
 */
export function outboundProxy(environment: NodeJS.ProcessEnv = process.env): OutboundProxy | undefined {
  const variable = (["https_proxy", "HTTPS_PROXY"] as const).find(
    (name) => (environment[name] ?? "").trim() !== "",
  );
  if (variable === undefined) {
    return undefined;
  }
  const address = proxyAddress((environment[variable] ?? "").trim());
  if (!address.ok) {
    throw new UserError(address.problems.map((problem) => ({ ...problem, subject: variable })));
  }
  const exceptions = environment.no_proxy ?? environment.NO_PROXY ?? "";
  return { variable, address: address.value, exceptions: `${thisMachine},${exceptions}` };
}

/** Without a scheme it is one of HTTP, as curl and Go take it. */
function proxyAddress(text: string): Result<URL> {
  const whole = text.includes("://") ? text : `http://${text}`;
  const refused = (says: string) =>
    failure({ subject: "", says, todo: "Write it as in http://proxy.example.net:3128, or unset it" });
  if (!URL.canParse(whole)) {
    return refused("is not the address of a proxy");
  }
  const address = new URL(whole);
  try {
    // As undici does, which has no words for it.
    decodeURIComponent(`${address.username}:${address.password}`);
  } catch {
    return refused("has a user or a password with a percent sign of its own, which is written %25");
  }
  return address.protocol === "http:" || address.protocol === "https:"
    ? success(address)
    : refused(`names a proxy that speaks ${address.protocol.slice(0, -1)}, and only HTTP proxies are used`);
}

/**
 * Opens what sends requests through the proxy, in undici's own way. Loaded late, because hardly anybody needs it.
 *
 * @param connections at a time to one host; undefined is without limit.
 */
export async function openProxyAgent(
  { address, exceptions }: OutboundProxy,
  connections?: number,
): Promise<EnvHttpProxyAgent> {
  const { EnvHttpProxyAgent } = await import("undici");
  return new EnvHttpProxyAgent({
    httpsProxy: address.href,
    // Not that of the environment, nor the one above.
    httpProxy: "",
    noProxy: exceptions,
    ...(connections === undefined ? {} : { connections }),
  });
}

let installed: Promise<void> | undefined;

/**
 * Makes `fetch` of this process use the proxy, if there is one; once. Node does it by itself when NODE_USE_ENV_PROXY is set, but Node 20
 * has no such variable.
 */
export function useOutboundProxy(): Promise<void> {
  installed ??= install();
  return installed;
}

async function install(): Promise<void> {
  const proxy = outboundProxy();
  if (proxy !== undefined) {
    const { setGlobalDispatcher } = await import("undici");
    setGlobalDispatcher(await openProxyAgent(proxy));
  }
}
