import type { NetworkFailure } from "./met";

/** A request took longer than it may. */
export class TookTooLong extends Error {}

/** Reasons of OpenSSL that a certificate is refused for (Node.js, doc/api/tls.md "X509 certificate error codes"). */
const certificateProblem =
  /^(?:CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

/** What kind of failure an error of node:http or node:https is. An error without a known code still kept the answer away. */
export function networkFailure(error: unknown): NetworkFailure {
  if (error instanceof TookTooLong) {
    return "time-out";
  }
  const code = codeOf(error);
  switch (code) {
    case "ENOTFOUND":
      return "dns";
    case "EAI_AGAIN":
    case "EAI_FAIL":
      return "resolver";
    case "ECONNREFUSED":
      return "refused";
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
      return "closed";
    case "ETIMEDOUT":
      return "time-out";
    default:
  }
  if (/^(?:ERR_TLS_|ERR_SSL_|EPROTO$)/.test(code) || certificateProblem.test(code)) {
    return "tls";
  }
  return code.startsWith("HPE_") ? "no-http" : "unreachable";
}

/** In few words and without line breaks; OpenSSL's messages hold both. */
export function failureReason(error: unknown): string {
  const code = codeOf(error);
  const message = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
  const opensslReason = /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1];
  return code === "" ? message : opensslReason === undefined ? code : `${code}, ${opensslReason}`;
}

/** Of several addresses that were tried, the first one's (node:net, autoSelectFamily, rejects with an AggregateError). */
function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  if (error instanceof AggregateError) {
    const errors: readonly unknown[] = error.errors;
    return codeOf(errors[0]);
  }
  return "";
}
