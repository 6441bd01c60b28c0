import type { Config, Endpoint } from "../../fleet/config";
import type { Met, NetworkFailure } from "./met";
import { noTenant } from "./meet";

/** What a remedy may depend on. */
export interface Where {
  readonly endpoint: Endpoint;
  readonly publish: Config["publish"];
}

/** What to do where the way is not what it should be, whoever asks: a sentence without its full stop. */
export function remedyForWay(met: Met, where: Where): string {
  switch (met.kind) {
    case "origin":
      return remedyForOrigin(met, where);
    case "page":
      return "Take what serves this page off the host (a Worker, a waiting room, a rule, another service behind it): collectors take a page with 200 for a delivery";
    case "login":
      return "Run `pulumi up --refresh`, which puts back Service Auth alone, and 401 in place of a redirect: collectors follow it, and take the login page for a delivery";
    case "redirect":
      return "Take the host out of redirect rules, at Cloudflare and behind it: collectors follow them, and take the page for a delivery";
    case "access":
      return "Read in Zero Trust > Insights > Logs > Access why it is refused";
    case "bot-protection":
      return met.text.endsWith("1010")
        ? `Turn Browser Integrity Check off for ${where.endpoint.hostname} with a configuration rule`
        : `Turn Bot Fight Mode and Under Attack mode off on the zone, or take ${where.endpoint.hostname} out of the rule that Security > Events names: collectors drop what is answered with 403`;
    case "rate-limit":
      return `Take ${where.endpoint.hostname} out of the rate limiting rule, or run again with a lower --concurrency`;
    case "cloudflared":
    case "cloudflare":
      return remedyForServer(met, where);
    case "tunnel-down":
      return "Start cloudflared on the central host with the stack's tunnelToken, or read in its log why it does not connect";
    case "around":
      return "Run `pulumi up --refresh`, which makes the DNS record proxied again: Access is not asked at all now";
    case "network":
      return remediesForNetwork[met.failure](where);
  }
}

function remedyForOrigin({ status, text }: Extract<Met, { kind: "origin" }>, where: Where): string {
  const { signal } = where.endpoint;
  const service = serviceOf(where);
  if (status === 404 && text.includes("remote write receiver")) {
    return "Start Prometheus with --web.enable-remote-write-receiver";
  }
  if (status === 404 || status === 405) {
    return `Correct sitepass:endpoints.${signal}.paths, or what listens at ${service}: it takes no push on this path`;
  }
  if (status === 401 && text === noTenant) {
    return `Have the collectors send X-Scope-OrgID, or set auth_enabled to false at ${service}`;
  }
  if (status === 401 || status === 403) {
    return `Let ${service} take pushes without credentials of its own: collectors send Access' only, which end at Cloudflare`;
  }
  if (status === 429) {
    return `Raise the limits of ${service}, or send less`;
  }
  return `Read in the log of ${service} why it answers so`;
}

function remedyForServer(
  { kind, status, text }: Extract<Met, { kind: "cloudflared" | "cloudflare" }>,
  where: Where,
): string {
  const service = serviceOf(where);
  if (kind === "cloudflared" && status === 403) {
    return "Run `pulumi up --refresh`, which puts the audience of the application back into the tunnel's rule";
  }
  if (kind === "cloudflared" && status === 404) {
    return "Run `pulumi up --refresh`, which puts the tunnel's rule for this path back";
  }
  if (kind === "cloudflared" && status === 503) {
    return "Run `pulumi up --refresh`, which puts the tunnel's rules back: it has none";
  }
  if (status === 530) {
    return `Run \`pulumi up --refresh\`, which puts the DNS record back${text === "" ? "" : ": what it leads to is not there"}`;
  }
  if (where.publish.kind === "tunnel") {
    return `Start the service at ${service}, or read in cloudflared's log why it does not reach it; with a wrong teamName it says that it cannot verify the assertion`;
  }
  return status === 525 || status === 526
    ? `Give ${service} a certificate that the zone's TLS mode accepts`
    : `Start the server at ${service}, and let Cloudflare's addresses through its firewall`;
}

const otherwiseLine = "Check this machine's connection and try again";

const remediesForNetwork: Readonly<Record<NetworkFailure, (where: Where) => string>> = {
  dns: ({ endpoint }) =>
    `Run \`pulumi up\`, which makes the record of ${endpoint.hostname}, and see that the zone is active at Cloudflare`,
  resolver: () => "Check this machine's name servers and try again",
  tls: ({ endpoint }) =>
    `Wait until Cloudflare has issued the certificate of ${endpoint.hostname} (SSL/TLS > Edge Certificates); behind a proxy that opens TLS, name its authority in NODE_EXTRA_CA_CERTS`,
  "time-out": (where) =>
    `${otherwiseLine}; when others are answered, read in the log of ${serviceOf(where)} what it waits for`,
  refused: () => `${otherwiseLine}; with --via, see that something listens there`,
  closed: () => otherwiseLine,
  unreachable: () => otherwiseLine,
  "no-http": () => `${otherwiseLine}: something in between answers in Cloudflare's place`,
};

/** Where the service is, as the central host sees it or as Cloudflare does. */
export function serviceOf({ endpoint, publish }: Where): string {
  return publish.kind === "tunnel"
    ? endpoint.origin
    : (publish.addresses.get(endpoint.signal) ?? endpoint.hostname);
}
