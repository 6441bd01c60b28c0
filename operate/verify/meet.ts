import { STATUS_CODES } from "node:http";
import type { Publish } from "../../fleet/config";
import type { Met } from "./met";
import type { Reply } from "./transport";

/** A page of Access: its own words on a refusal, or an address of its login. A page of a person's own making is known by its headers. */
const accessWords = /cloudflareaccess\.com|\/cdn-cgi\/access\/|You don't have permission to view this/i;

/** What Loki and Mimir with tenants say to a push without `X-Scope-OrgID` (grafana/dskit user/id.go ErrNoOrgID). */
export const noTenant = "no org id";

/**
 * Tells who answered. Cloudflare marks every answer that passes it, whoever made it, so the maker is known by what it says:
 *
 * - Access names the application in `cf-access-aud` and `cf-access-domain` on 403 and on the redirect to the login page, and calls
 *   itself in `www-authenticate` (seen in many public reports; not documented). Of a 401 nothing but the status is promised.
 * - Bot protection: `cf-mitigated` on challenges (cloudflare-docs, detect-response); `error code: 1010` and the like
 *   on blocks; otherwise HTML (facts/cloudflare.md §13).
 * - cloudflared's own answers have neither body nor type (CFD:ingress/origin_service.go newStatusCode,
 *   ingress/middleware/jwtvalidator.go).
 * - Cloudflare's network: `error code: N` to whoever does not ask for HTML, and 520 to 530.
 * - Prometheus and Loki answer in plain text, never in HTML.
 */
export function meet(reply: Reply, publish: Publish["kind"]): Met {
  if ("failure" in reply) {
    return { kind: "network", failure: reply.failure, text: reply.reason };
  }
  const { status, headers, body } = reply;
  const header = (name: string): string => headers.get(name) ?? "";
  const isHtml = header("content-type").startsWith("text/html") || /^\s*<(?:!doctype|html)/i.test(body);
  const code = errorCode(body, isHtml);
  if (header("cf-ray") === "" && header("server") !== "cloudflare" && code === undefined) {
    return { kind: "around", status, text: excerpt(body) };
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
    if (isAccess) {
      return { kind: "access", status, text: "" };
    }
  }
  if (status === 401) {
    const isOrigins = header("www-authenticate") !== "" || body.trim() === noTenant;
    return isOrigins ? origin(status, body) : { kind: "access", status, text: "" };
  }
  const isCloudflared = publish === "tunnel" && body === "" && header("content-type") === "";
  if (status === 403) {
    if (isHtml || code !== undefined) {
      return {
        kind: "bot-protection",
        status,
        text: code === undefined ? "an HTML page" : `error code ${code}`,
      };
    }
    return isCloudflared ? { kind: "cloudflared", status, text: "" } : origin(status, body);
  }
  if (status === 429 && (isHtml || code !== undefined)) {
    return { kind: "rate-limit", status, text: code === undefined ? "an HTML page" : `error code ${code}` };
  }
  if (status === 530 && code === 1033) {
    return { kind: "tunnel-down", status, text: "error code 1033" };
  }
  if (isCloudflared && [404, 500, 502, 503].includes(status)) {
    return { kind: "cloudflared", status, text: "" };
  }
  const isNetworks = status === 502 || status === 504 || (status >= 520 && status <= 530);
  if (isNetworks && (isHtml || code !== undefined || body === "")) {
    return { kind: "cloudflare", status, text: code === undefined ? "" : `error code ${code}` };
  }
  return isHtml ? { kind: "page", status, text: titleOf(body) } : origin(status, body);
}

function origin(status: number, body: string): Met {
  return { kind: "origin", status, text: excerpt(body) || (STATUS_CODES[status] ?? "") };
}

/** Host and path of a redirect; the query may hold a signed state and is not looked at. */
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

function titleOf(html: string): string {
  return excerpt(/<title[^>]*>([^<]*)/i.exec(html)?.[1] ?? "");
}

/** The beginning, on one line: what strangers wrote must not move a terminal's cursor. */
function excerpt(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
