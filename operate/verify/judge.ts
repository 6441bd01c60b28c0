import { noTenant } from "./meet";
import type { Met } from "./met";
import type { Expectation, ProbeKind } from "./verdict";

/**
 * Whether what was met is what must be.
 *
 * A push without a body is delivered when the origin says of it what it says of such a push [RUN]: Prometheus 2.42 and 3.10 400
 * `snappy: corrupt input` and `s2: corrupt input`; Loki 3.7 400 on its own path and 422 on OpenTelemetry's; other receivers 200, 204 or 415. A Loki with
 * tenants asks for one.
 *
 * Refused is what Access refuses: what is only stopped further on, by the connector or because the origin is down, got past the
 * first line. On other paths than the write paths a login page is as good as a refusal, for no collector asks there.
 */
export function isAsExpected(kind: ProbeKind, expected: Expectation, met: Met): boolean {
  if (expected === "delivered") {
    return met.kind === "origin" && isAnswerToEmptyPush(met);
  }
  return met.kind === "access" || (kind === "read" && met.kind === "login");
}

function isAnswerToEmptyPush({ status, text }: Extract<Met, { kind: "origin" }>): boolean {
  return (
    (status >= 200 && status < 300) ||
    [400, 415, 422].includes(status) ||
    (status === 401 && text === noTenant)
  );
}
