import { parseGoDuration } from "../../../fleet/duration";
import type { AccessApplication, AccessPolicy } from "../api/rows";

const dayMilliseconds = 24 * 3600 * 1000;

/** How long an assertion or cookie is valid: the policy's session, else the application's, else 24 h (authorization-cookie/index.mdx; facts/cloudflare.md §2). No time at all counts as not given [gap]. */
export function sessionMilliseconds(policy: AccessPolicy, application: AccessApplication): number {
  return (
    [policy.session_duration, application.session_duration]
      .map((text) => parseGoDuration(text) ?? 0)
      .find((milliseconds) => milliseconds > 0) ?? dayMilliseconds
  );
}
