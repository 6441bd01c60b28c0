import type { IncomingMessage, ServerResponse } from "node:http";
import type { Database } from "../api/database";
import { listenOnLoopback, type LoopbackServer } from "../loopback-server";
import { SigningKeys } from "./access/signing-keys";
import { ownAnswer, writeAnswer, type Answer } from "./answer";
import type { Addresses } from "./dns";
import { headerLines, valuesOf } from "./http-messages";
import type { ActiveInterference, Interference } from "./interference";
import { routeRequest, type World } from "./request-routing";
import { readTarget, type RequestTarget, type UrlNormalization } from "./request-url";

export interface EdgeOptions {
  readonly database: Database;
  /** The clock, for expiry and assertions. Default: the machine's. */
  readonly now?: () => Date;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Where the contents of A, AAAA and CNAME records are on this machine, such as `203.0.113.7` at `http://127.0.0.1:9090`. Default: nowhere. */
  readonly addresses?: Addresses;
  /** How the zone normalises URLs before Access. Default "cloudflare", which takes more spellings for the same path than "rfc3986". */
  readonly urlNormalization?: UrlNormalization;
  /**
   * Lets the redirect of an Allow policy lead to the imitation's own login page on loopback instead of
   * `https://<team>.cloudflareaccess.com`, so that a real collector that follows it is seen to lose data. Default false.
   */
  readonly loginOnLoopback?: boolean;
}

/** One request and who answered it; its detail never holds a secret. */
export interface EdgeRecord extends RequestTarget, Pick<Answer, "status" | "by" | "detail"> {
  readonly method: string;
}

export interface Edge {
  /** `http://127.0.0.1:PORT`; requests name the host they are for in their Host header. */
  readonly url: string;
  /** In the order of the answers. The connector's own requests for the team's keys are among them. */
  readonly answered: readonly EdgeRecord[];
  /** A further `http://127.0.0.1:PORT`, where every request is for this host whatever its Host header says: for collectors that cannot set one. */
  hostUrl(host: string): Promise<string>;
  /** A test fault: answers requests for a proxied host (default: all of them) so until the function that it returns is called. */
  interfere(kind: Interference, host?: string): () => void;
  /** Access signs with a new key from now on, and the one before still verifies, as at Cloudflare every six weeks. */
  rotateSigningKeys(): Promise<void>;
  clear(): void;
  close(): Promise<void>;
}

/**
 * Starts an imitation of Cloudflare's data path on 127.0.0.1: DNS, then Access, then the tunnel or the address behind. It reads
 * the database anew for each request, so whatever the API changed counts at once; at Cloudflare an application takes a
 * while until it is enforced. Bodies are read whole before they go on. Bot and WAF products are not imitated; what they would
 * answer can be had with `interfere`.
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { database, now = () => new Date(), port = 0, loginOnLoopback = false } = options;
  const { addresses = new Map<string, string>(), urlNormalization = "cloudflare" } = options;
  const keys = await SigningKeys.create();
  const answered: EdgeRecord[] = [];
  const interferences: ActiveInterference[] = [];
  const servers: LoopbackServer[] = [];
  const listen = async (hostOf: () => string | undefined, at = 0): Promise<string> => {
    const server = await listenOnLoopback((request, response) => {
      void serve(request, response, hostOf(), world, answered);
    }, at);
    servers.push(server);
    return server.url;
  };
  const own = { database, now, addresses, urlNormalization, keys, interferences };
  // No request comes before this function returns the address to send it to.
  let world: World = { ...own, edgeUrl: "", loginUrl: undefined };
  const edgeUrl = await listen(() => undefined, port);
  const loginUrl = loginOnLoopback ? await listen(() => database.organization.auth_domain) : undefined;
  world = { ...own, edgeUrl, loginUrl };
  return {
    url: edgeUrl,
    answered,
    hostUrl: (host) => listen(() => host),
    interfere: (kind, host) => {
      const active = { kind, host };
      interferences.push(active);
      return () => {
        interferences.splice(0, Infinity, ...interferences.filter((other) => other !== active));
      };
    },
    rotateSigningKeys: () => keys.rotate(),
    clear: () => {
      answered.length = 0;
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  onlyHost: string | undefined,
  world: World,
  answered: EdgeRecord[],
): Promise<void> {
  const { method = "", url = "" } = request;
  const hosts = onlyHost === undefined ? valuesOf(headerLines(request.rawHeaders), "host") : [onlyHost];
  const target = readTarget(url, hosts);
  const { host, path } = "problem" in target ? { host: "", path: url } : target;
  const answer =
    "problem" in target
      ? ownAnswer("edge", 400, target.problem, "Bad Request\n")
      : await routeRequest(request, target, world).catch((error: unknown) =>
          // The sender went away half-way through; anything else is a bug, which the record shows.
          ownAnswer("edge", 500, error instanceof Error ? error.message : String(error)),
        );
  const { status, by, detail } = answer;
  answered.push({ method, host, path, status, by, detail });
  writeAnswer(response, answer);
}
