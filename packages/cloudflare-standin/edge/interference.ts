import { ownAnswer, ownPage, type Answer } from "./answer";

/**
 * What Cloudflare's network answers instead of letting a request go on to Access. No product is imitated that would decide so:
 * a test says when.
 *
 * - `challenge`: bot protection or Under Attack mode wants a browser to prove itself: 403, HTML, and the one mark that tells it
 *   from Access (cloudflare-docs, cloudflare-challenges/challenge-types/challenge-pages/detect-response).
 * - `block`: a WAF rule or Bot Fight Mode: 403 and HTML without a mark.
 * - `integrity`: Browser Integrity Check: 403, `error code: 1010` (a user's report, martymcenroe/AssemblyZero#1663).
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

/** The answer to a request for a host that is interfered with; of several interferences the last counts. */
export function interferedAnswer(active: readonly ActiveInterference[], to: string): Answer | undefined {
  const found = active.findLast(({ host }) => host === undefined || host === to);
  return found === undefined ? undefined : answerOf(found.kind);
}

function answerOf(kind: Interference): Answer {
  const detail = `a test's interference: ${kind}`;
  switch (kind) {
    case "challenge":
      return ownPage("edge", 403, detail, "Just a moment...", [["cf-mitigated", "challenge"]]);
    case "block":
      return ownPage("edge", 403, detail, "Attention Required! | Cloudflare");
    case "integrity":
      return ownAnswer("edge", 403, detail, "error code: 1010\n");
    case "page":
      return ownPage("edge", 200, detail, "Hello");
    default:
      return ownAnswer("edge", kind, detail, `error code: ${kind}\n`);
  }
}
