import type { Config, Endpoint } from "../../fleet/config";
import type { Problem } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import type { Site } from "../../fleet/sites";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { noTenant, type Answer } from "./answer";
import type { NetworkFailure } from "./transport";

/**
 * What is wrong with a site or a host, which is the subject. `<site>` in `todo` stands for the site's name, so that what many sites
 * have in common can be said once.
 */
export type PlaceProblem = Pick<Problem, "says" | "todo">;

/** A site that was tried, and what is known of it and of the organization. */
export interface TriedSite {
  readonly site: Site;
  readonly credentials: SiteCredentials;
  /** Whether the organization is in strict mode; undefined when that could not be seen. */
  readonly strict: boolean | undefined;
  /** Whether the secret was let in on any path. */
  readonly letInSomewhere: boolean;
  readonly now: Date;
}

/** Access refused the stored secret of a site that should be let in. */
export interface RefusedPush extends TriedSite {
  readonly signal: SignalName;
  readonly status: 401 | 403;
  /** The beginning of a 401 that the service behind Access may have made; empty where nothing speaks for that. */
  readonly text: string;
}

/**
 * Why Access refuses a secret, as far as it can be told. In strict mode 401 means that the secret does not authenticate, and 403
 * that it is good but not allowed here; without strict mode both are 401 on the write paths (docs/facts/edge.md, E17 and E18).
 *
 * Most of it is a guess, so that nothing is advised that cannot be undone, such as a rotation that ends the present secret at once.
 */
export function likelyCause(refused: RefusedPush): PlaceProblem {
  const { site, signal, credentials, status, strict, letInSomewhere, now, text } = refused;
  const isPast = (time: string): boolean => Date.parse(time) <= now.getTime();
  if (site.token.duration !== "forever" && isPast(credentials.expiresAt)) {
    return {
      says: `the token expired at ${credentials.expiresAt}`,
      todo: "Run `npx sitepass renew <site>`",
    };
  }
  if (credentials.endpoints[signal] === undefined) {
    return { says: `the last up did not let the site push ${signal}`, todo: "Run `pulumi up`" };
  }
  if (letInSomewhere || (strict === true && status === 403)) {
    return {
      says: `the secret is good${letInSomewhere ? ", as it is let in elsewhere" : ""}, but no policy of ${signal} lets it in`,
      todo: "Run `pulumi up --refresh`, which puts the policies back",
    };
  }
  const { secretVersion, previousSecretExpiresAt: windowEnd } = site.token;
  // A stack that was restored from before a rotation holds the old secret, whose window may be over.
  const restored =
    windowEnd !== undefined && isPast(windowEnd)
      ? `, or the stack was restored from before secret version ${secretVersion}, when the secret ended at ${windowEnd}`
      : "";
  if (text !== "") {
    return {
      says: `either Access refuses the stored secret, or the service behind it asks for credentials of its own ("${text}"); nothing in the answer tells which`,
      todo: `${readAccessLog} whether it has the refusal: what is not there was refused by the service, which has to accept pushes without other credentials. What is there, \`pulumi up --refresh\` fixes, unless the token was rotated`,
    };
  }
  if (strict === true) {
    return {
      says: `the stored secret does not authenticate: the token was rotated, disabled or deleted outside of this project${restored}`,
      todo: "Run `pulumi up --refresh`, which enables it or creates it again; if that changes nothing, it was rotated: `npx sitepass rotate <site>` and `pulumi up` make a new secret",
    };
  }
  return {
    says: `the stored secret is not the token's any more (rotated outside of this project${restored}), the token is disabled or deleted, or no policy lets it in; this organization answers all of these alike`,
    todo: "Run `pulumi up --refresh`, which fixes everything but a rotation; if that changes nothing, `npx sitepass rotate <site>` and `pulumi up` make a new secret. Strict service token mode tells them apart; `npx sitepass check` says how to turn it on",
  };
}

/** It has the failures of client IDs that it knows (docs/facts/edge.md, E23). */
const readAccessLog = "Read in Zero Trust > Insights > Logs > Access";

/** An endpoint, and how the stack publishes it. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly publish: Config["publish"];
}

/** What to do about an answer that is not as it should be, whoever asked: a sentence without its full stop. */
export function remedyFor(answer: Answer, target: Target): string {
  const { hostname } = target.endpoint;
  switch (answer.kind) {
    case "origin":
      return remedyForOrigin(answer, target);
    case "gate":
      return remedyForGate(answer.text);
    case "page":
      return "Remove what serves this page from the host (a Worker, a waiting room, a rule, another service behind it): collectors take a page with 200 for a delivery";
    case "login":
      return "Run `pulumi up --refresh`, which leaves only Service Auth policies and answers with 401 instead of a redirect: collectors follow the redirect and take the login page for a delivery";
    case "redirect":
      return "Exclude the host from redirect rules, at Cloudflare and behind it: collectors follow redirects and take the page for a delivery";
    case "access":
      return `${readAccessLog} why it is refused`;
    case "bot-protection":
      return answer.text.endsWith("1010")
        ? `Turn Browser Integrity Check off for ${hostname} with a configuration rule`
        : `Turn Bot Fight Mode and Under Attack mode off on the zone, or exclude ${hostname} from the rule that Security > Events names: collectors drop what is answered with 403`;
    case "rate-limit":
      return `Exclude ${hostname} from the rate limiting rule, or run again with a lower --concurrency`;
    case "cloudflared":
    case "cloudflare":
      return remedyForServer(answer, target);
    case "tunnel-down":
      return "Start cloudflared on the central host with the stack's tunnelToken, or read in its log why it does not connect. `npx sitepass check` says whether the tunnel was deleted at Cloudflare";
    case "around":
      return "Run `pulumi up --refresh`, which makes the DNS record proxied again: now Access is not asked at all";
    case "network":
      return remediesForNetwork[answer.failure](hostname, serviceOf(target));
  }
}

/** What to do about each reason of the gate, of those in central/gate/haproxy-config.ts. */
function remedyForGate(reason: string): string {
  switch (reason) {
    case "unknown-client":
    case "shut-out":
    case "other-signal":
      return "Run `npx sitepass central map` on the central host, or look why its timer does not: collectors wait until the gate knows the site";
    case "unknown-key":
      return "Run `npx sitepass central keys` on the central host, or look why its timer does not: collectors wait until the gate knows the key";
    case "issuer":
    case "audience":
    case "path":
      return "Render the central host again with `npx sitepass central`, and reload its gate: it was made before the last `pulumi up`";
    case "expired":
    case "not-yet-valid":
      return "Set the clock of the central host right: it differs from Cloudflare's by more than a minute";
    case "requests":
    case "bytes":
    case "connections":
      return "Wait a little, or raise sitepass:central.limits and render the central host again: the site sends more than it may";
    case "store-down":
    case "store-broke-off":
    case "store-slow":
    case "store-refuses":
      return "Start the store behind the gate, or read in its log why it does not answer: collectors wait for it";
    default:
      return "Read in the gate's log why: what Access let pass is not what the gate was given";
  }
}

function remedyForOrigin({ status, text }: Extract<Answer, { kind: "origin" }>, target: Target): string {
  const service = serviceOf(target);
  if (status === 404 && text.includes("remote write receiver")) {
    return "Start Prometheus with --web.enable-remote-write-receiver";
  }
  if (status === 404 || status === 405) {
    return `Correct sitepass:endpoints.${target.endpoint.signal}.paths, or what listens at ${service}: it accepts no pushes on this path`;
  }
  if (status === 401 && text === noTenant) {
    return `Set sitepass:tenant, which every rendered collector then names, or set auth_enabled to false at ${service}: collectors lose what is answered like this`;
  }
  if (status >= 200 && status < 300) {
    return `Correct sitepass:endpoints.${target.endpoint.signal}, or what listens at ${service}: a store refuses a push without data, and this takes anything, so that collectors count as delivered what nothing keeps`;
  }
  if (status === 415) {
    return `Have ${service} take what collectors send, remote write 1.0 and Loki's or OTLP's protobuf, or correct sitepass:endpoints.${target.endpoint.signal}`;
  }
  if (status === 400 && /^Client sent an HTTP request/i.test(text)) {
    return target.publish.kind === "tunnel"
      ? `Write sitepass:endpoints.${target.endpoint.signal}.origin with https: ${service} expects TLS`
      : `Set the zone's TLS mode to Full (strict): ${service} expects TLS`;
  }
  if (status === 401 || status === 403) {
    return `Let ${service} accept pushes without credentials of its own: collectors send only those for Access, which end at Cloudflare`;
  }
  if (status === 429) {
    return `Raise the limits of ${service}, or send less`;
  }
  return `Read in the log of ${service} why it answers like this`;
}

/** What `pulumi up --refresh` puts back when the connector itself gives an answer. */
const lostOfTunnel: Readonly<Record<number, string>> = {
  403: "puts the audience of the application back into the tunnel's rule",
  404: "puts the tunnel's rule for this path back",
  503: "puts the tunnel's rules for this host back",
};

function remedyForServer(
  { kind, status, text }: Extract<Answer, { kind: "cloudflared" | "cloudflare" }>,
  target: Target,
): string {
  const service = serviceOf(target);
  const lost = kind === "cloudflared" ? lostOfTunnel[status] : undefined;
  if (lost !== undefined) {
    return `Run \`pulumi up --refresh\`, which ${lost}; if that changes nothing, ${service} itself answers so, without a body`;
  }
  if (status === 530) {
    return `Run \`pulumi up --refresh\`, which puts the DNS record back${text === "" ? "" : ": what it leads to is not there"}`;
  }
  if (target.publish.kind === "tunnel") {
    return `Start the service at ${service}, or read in cloudflared's log why it does not reach it; with a wrong teamName the log says that the assertion cannot be verified`;
  }
  return status === 525 || status === 526
    ? `Give ${service} a certificate that the zone's TLS mode accepts`
    : `Start the server at ${service}, and let Cloudflare's addresses through its firewall`;
}

const checkConnection = "Check this machine's connection and try again";

const remediesForNetwork: Readonly<Record<NetworkFailure, (hostname: string, service: string) => string>> = {
  dns: (hostname) =>
    `Run \`pulumi up\`, which makes the record of ${hostname}, and check that the zone is active at Cloudflare`,
  resolver: () => "Check this machine's name servers and try again",
  tls: (hostname) =>
    `Wait until Cloudflare has issued the certificate of ${hostname} (SSL/TLS > Edge Certificates); behind a proxy that opens TLS, name its authority in NODE_EXTRA_CA_CERTS`,
  "time-out": (_, service) =>
    `${checkConnection}; if other requests are answered, read in the log of ${service} what it waits for`,
  refused: () => `${checkConnection}; with --via, check that something listens there`,
  closed: () => checkConnection,
  unreachable: () => checkConnection,
  "no-http": () => `${checkConnection}: something in between answers in Cloudflare's place`,
  proxy: (hostname) =>
    `Have the proxy that HTTPS_PROXY names let CONNECT to ${hostname}:443 through, or except the host by NO_PROXY`,
};

/** Where the service is, as the central host sees it or as Cloudflare does. */
function serviceOf({ endpoint, publish }: Target): string {
  return publish.kind === "tunnel"
    ? endpoint.origin
    : (publish.addresses.get(endpoint.signal) ?? endpoint.hostname);
}
