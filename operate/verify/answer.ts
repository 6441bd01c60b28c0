import { STATUS_CODES } from "node:http";
import type { Publish } from "../../fleet/config";
import type { NetworkFailure, Reply } from "./transport";

/** Who answered a request, and how. Part of what `verify --json` prints. */
export type Answer =
  /**
   * The service behind Cloudflare. `text` is the beginning of a plain answer; `handedOn` is set where the gate of the central host let
   * the request pass, and so it is a store's.
   */
  | { readonly kind: "origin"; readonly status: number; readonly text: string; readonly handedOn?: true }
  /** The gate of the central host. `text` is its reason, such as `unknown-client`. */
  | { readonly kind: "gate"; readonly status: number; readonly text: string }
  /** An HTML page that neither Access nor bot protection made. Prometheus and Loki would answer in plain text. */
  | { readonly kind: "page"; readonly status: number; readonly text: string }
  /** A redirect to Access' login page, which collectors that follow it take for a delivery. `text` is the host it leads to. */
  | { readonly kind: "login"; readonly status: number; readonly text: string }
  | { readonly kind: "redirect"; readonly status: number; readonly text: string }
  /** `text` is the beginning of a 401 that is no HTML page and bears no mark of Access: the service behind may have made it. */
  | { readonly kind: "access"; readonly status: 401 | 403; readonly text: string }
  /** Bot protection, a firewall rule, Under Attack mode. `text` is the sign it was known by. */
  | { readonly kind: "bot-protection"; readonly status: number; readonly text: string }
  | { readonly kind: "rate-limit"; readonly status: 429; readonly text: string }
  /** The connector itself, not the service behind it. */
  | { readonly kind: "cloudflared"; readonly status: number; readonly text: string }
  /** 530 with error 1033: no connector serves the tunnel. */
  | { readonly kind: "tunnel-down"; readonly status: 530; readonly text: string }
  /** Cloudflare's network could not reach the origin. `text` is its error code. */
  | { readonly kind: "cloudflare"; readonly status: number; readonly text: string }
  /** Any answer that did not pass through Cloudflare. */
  | { readonly kind: "around"; readonly status: number; readonly text: string }
  /** No answer. */
  | { readonly kind: "network"; readonly failure: NetworkFailure; readonly text: string };

/** What Loki and Mimir with tenants say to a push without `X-Scope-OrgID` (docs/facts/edge.md, E60). */
export const noTenant = "no org id";

/** In which the gate of the central host says why it refuses, or that it handed on what a store answers (central/gate/haproxy-config.ts). */
const gateHeader = "x-sitepass-gate";

/**
 * What is said with 400 by a server that has not looked at the push: Go's, which expects TLS or cannot read the request, and
 * Loki's, which gets two tenants (docs/facts/edge.md, E67).
 */
export const refusedBeforeTheStore =
  /^(?:Client sent an HTTP request to an HTTPS server|400 Bad Request|multiple org IDs)/i;

/** Words of Access' refusal page, and addresses of its login. A page of the user's own is known by its headers. */
const accessWords = /cloudflareaccess\.com|\/cdn-cgi\/access\/|You don't have permission to view this/i;

/**
 * Tells who answered. Cloudflare marks every answer that passes through it, whoever made it, so the maker is known by other signs
 * (docs/facts/edge.md, E22, E25, E28, E36 and E42):
 *
 * - Access names the application in `cf-access-aud` and `cf-access-domain` on 403 and on the redirect to the login page, and itself
 *   in `www-authenticate`. Of a 401 nothing but the status is promised: one without a mark counts as Access' until it is compared
 *   with what Access answers to others (originsOwn).
 * - Bot protection sends `cf-mitigated` with challenges, `error code: 1010` and the like with blocks, otherwise HTML.
 * - cloudflared's own answers have neither body nor content type.
 * - Cloudflare's network sends `error code: N` to clients that do not ask for HTML, with 520 to 530.
 * - Prometheus and Loki answer in plain text, never in HTML.
 * - The gate of the central host names itself in a header, on whatever passes through it.
 */
export function classify(reply: Reply, publish: Publish["kind"]): Answer {
  if ("failure" in reply) {
    return { kind: "network", failure: reply.failure, text: reply.reason };
  }
  const { status, headers, body } = reply;
  const header = (name: string): string => headers.get(name) ?? "";
  const isHtml = header("content-type").startsWith("text/html") || /^\s*<(?:!doctype|html)/i.test(body);
  const code = errorCode(body, isHtml);
  const fromOrigin = { kind: "origin", status, text: excerpt(body) || (STATUS_CODES[status] ?? "") } as const;
  if (header("cf-ray") === "" && header("server") !== "cloudflare" && code === undefined) {
    return { kind: "around", status, text: excerpt(body) };
  }
  const reason = header(gateHeader);
  if (reason !== "") {
    return reason === "handed-on"
      ? { ...fromOrigin, handedOn: true }
      : { kind: "gate", status, text: excerpt(reason) };
  }
  const asksForAccess = header("www-authenticate").startsWith("Cloudflare-Access");
  if (status >= 300 && status < 400) {
    const { host, path } = targetOf(header("location"));
    const isLogin =
      asksForAccess || host.endsWith(".cloudflareaccess.com") || path.startsWith("/cdn-cgi/access/");
    return { kind: isLogin ? "login" : "redirect", status, text: host };
  }
  if (header("cf-mitigated") !== "") {
    return { kind: "bot-protection", status, text: `cf-mitigated: ${excerpt(header("cf-mitigated"))}` };
  }
  if (status === 401 || status === 403) {
    const isAccess =
      asksForAccess ||
      header("cf-access-aud") !== "" ||
      header("cf-access-domain") !== "" ||
      (code === undefined && isHtml && accessWords.test(body));
    const originAsksFor401 = header("www-authenticate") !== "" || body.trim() === noTenant;
    if (isAccess || (status === 401 && !originAsksFor401)) {
      return { kind: "access", status, text: isAccess || isHtml ? "" : excerpt(body) };
    }
  }
  if (status === 401) {
    return fromOrigin;
  }
  const sign = code === undefined ? "an HTML page" : `error code ${code}`;
  if (status === 403 && (isHtml || code !== undefined)) {
    return { kind: "bot-protection", status, text: sign };
  }
  if (status === 429 && (isHtml || code !== undefined)) {
    return { kind: "rate-limit", status, text: sign };
  }
  if (status === 530 && code === 1033) {
    return { kind: "tunnel-down", status, text: sign };
  }
  const isBare = body === "" && header("content-type") === "";
  if (publish === "tunnel" && isBare && [403, 404, 500, 502, 503].includes(status)) {
    return { kind: "cloudflared", status, text: "" };
  }
  const isNetworkStatus = status === 502 || status === 504 || (status >= 520 && status <= 530);
  if (isNetworkStatus && (isHtml || code !== undefined || body === "")) {
    return { kind: "cloudflare", status, text: code === undefined ? "" : sign };
  }
  return isHtml
    ? { kind: "page", status, text: excerpt(/<title[^>]*>([^<]*)/i.exec(body)?.[1] ?? "") }
    : fromOrigin;
}

/**
 * What is the same in every answer of one maker to one kind of request: status, type, and the body without what is made anew for
 * each, such as IDs and times. Undefined for a request that got no answer.
 */
export function likeness(reply: Reply): string | undefined {
  if ("failure" in reply) {
    return undefined;
  }
  const { status, headers, body } = reply;
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  const steady = body
    .replace(/\b(?=[0-9a-f-]*\d)[0-9a-f-]{6,}\b|\d+/gi, "#")
    .replace(/\s+/g, " ")
    .trim();
  return JSON.stringify([status, type, headers.get("www-authenticate") ?? "", steady.slice(0, 2000)]);
}

/**
 * A 401 that the service behind made, though it bears no mark of that: Access, which refuses others on the same host, does it in
 * another way.
 *
 * @param refusals of requests that only Access can have refused; when there are none, a plain text or JSON body is a service's.
 */
export function originsOwn(
  answer: Answer,
  own: string | undefined,
  refusals: ReadonlySet<string>,
): Answer | undefined {
  if (answer.kind !== "access" || answer.status !== 401 || own === undefined || refusals.has(own)) {
    return undefined;
  }
  return refusals.size > 0 || answer.text !== ""
    ? { kind: "origin", status: 401, text: answer.text || (STATUS_CODES[401] ?? "") }
    : undefined;
}

/** Host and path of a redirect. The query is not looked at, because it may hold a signed state. */
function targetOf(location: string): { readonly host: string; readonly path: string } {
  const base = "http://same-host.invalid";
  if (!URL.canParse(location, base)) {
    return { host: excerpt(location), path: "" };
  }
  const { host, pathname } = new URL(location, base);
  return { host: host === "same-host.invalid" ? "the same host" : host, path: pathname };
}

/** Cloudflare's 1xxx and 5xx codes, in text for programs and in HTML for browsers. */
function errorCode(body: string, isHtml: boolean): number | undefined {
  const [, code] =
    /^\s*error code: (\d{3,4})\b/.exec(body) ??
    (isHtml ? (/(?:cf-error-code">|errorCode: |\bError )(\d{3,4})\b/.exec(body) ?? []) : []);
  return code === undefined ? undefined : Number(code);
}

/** The beginning, on one line and without control characters, so that what a stranger wrote cannot move a terminal's cursor. */
function excerpt(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

const noAnswerBecause: Readonly<Record<NetworkFailure, string>> = {
  dns: "no answer, because the name is unknown",
  resolver: "no answer, because the name could not be looked up",
  tls: "no answer, because TLS failed",
  "time-out": "no answer in time",
  refused: "no answer, because the connection was refused",
  closed: "no answer, because the connection was closed",
  unreachable: "no answer, because the host cannot be reached",
  "no-http": "an answer that is not HTTP",
  proxy: "no answer, because this machine's proxy does not let it through",
};

/** An answer in words that can follow "is answered with" or "gets". */
export function describeAnswer(answer: Answer): string {
  const { kind, text } = answer;
  const quoted = text === "" ? "" : ` "${text}"`;
  const inBrackets = text === "" ? "" : ` (${text})`;
  if (kind === "network") {
    return `${noAnswerBecause[answer.failure]}${inBrackets}`;
  }
  const afterStatus = {
    origin: `${quoted} from the origin`,
    gate: ` from the gate of the central host${inBrackets}`,
    page: ` and an HTML page${quoted}`,
    login: ", a redirect to Access' login page",
    redirect: `, a redirect to ${text}`,
    access: " from Access",
    "bot-protection": ` from bot protection${inBrackets}`,
    "rate-limit": ` from Cloudflare's rate limiting${inBrackets}`,
    cloudflared: " from cloudflared",
    "tunnel-down": ` from Cloudflare${inBrackets}`,
    cloudflare: ` from Cloudflare${inBrackets}`,
    around: `${quoted}, not through Cloudflare`,
  };
  return `${answer.status}${afterStatus[kind]}`;
}
