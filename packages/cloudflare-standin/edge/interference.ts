import { ownAnswer, type Answer } from "./answer";
import type { RequestTarget } from "./request-target";

/**
 * What Cloudflare's network answers instead of letting a request go on to Access. No product is imitated that would decide so:
 * a test says when.
 *
 * - `challenge`: bot protection or Under Attack mode wants a browser to prove itself: 403, HTML, and the one mark that tells it
 *   from Access (cloudflare-docs, cloudflare-challenges/challenge-types/challenge-pages/detect-response).
 * - `block`: a WAF rule or Bot Fight Mode: 403 and HTML without a mark.
 * - `integrity`: Browser Integrity Check: 403, `error code: 1010` (facts/cloudflare.md §13).
 * - `page`: 200 and HTML, as from a Worker or a rule in the way: what a collector takes for a delivery.
 * - a number: this status and `error code: <status>`, as 520 to 527 come when the origin fails.
 */
export type Interference = "challenge" | "block" | "integrity" | "page" | number;

/** A test fault that is in force. */
export interface ActiveInterference {
  readonly kind: Interference;
  /** Undefined: every proxied host. */
  readonly host: string | undefined;
}

/** The answer to a request that is interfered with; of several interferences the last counts. */
export function interferedAnswer(
  active: readonly ActiveInterference[],
  target: RequestTarget,
): Answer | undefined {
  const met = active.findLast(({ host }) => host === undefined || host === target.host);
  return met === undefined ? undefined : answerOf(met.kind);
}

function answerOf(kind: Interference): Answer {
  const detail = `a test's interference: ${kind}`;
  switch (kind) {
    case "challenge": {
      const { headers, ...answer } = htmlPage(403, detail, "Just a moment...");
      return { ...answer, headers: [...headers, ["cf-mitigated", "challenge"]] };
    }
    case "block":
      return htmlPage(403, detail, "Attention Required! | Cloudflare");
    case "integrity":
      return ownAnswer("edge", 403, detail, "error code: 1010\n");
    case "page":
      return htmlPage(200, detail, "Hello");
    default:
      return ownAnswer("edge", kind, detail, `error code: ${kind}\n`);
  }
}

function htmlPage(status: number, detail: string, title: string): Answer {
  return {
    ...ownAnswer("edge", status, detail, `<!DOCTYPE html><title>${title}</title><h1>${title}</h1>\n`),
    headers: [["content-type", "text/html; charset=UTF-8"]],
  };
}
