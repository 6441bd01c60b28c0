import type { Met, NetworkFailure } from "./met";

const failures: Readonly<Record<NetworkFailure, string>> = {
  dns: "no answer, for the name is unknown",
  resolver: "no answer, for the name could not be looked up",
  tls: "no answer, for TLS failed",
  "time-out": "no answer in time",
  refused: "no answer, for the connection was refused",
  closed: "no answer, for the connection was closed",
  unreachable: "no answer, for the host cannot be reached",
  "no-http": "an answer that is not HTTP",
};

/** What a request met, to stand after "is answered with" or "gets". */
export function describeMet(met: Met): string {
  const quoted = met.text === "" ? "" : ` "${met.text}"`;
  switch (met.kind) {
    case "origin":
      return `${met.status}${quoted} from the origin`;
    case "page":
      return `${met.status} and an HTML page${quoted}`;
    case "login":
      return `${met.status}, a redirect to Access' login page`;
    case "redirect":
      return `${met.status}, a redirect to ${met.text}`;
    case "access":
      return `${met.status} from Access`;
    case "bot-protection":
      return `${met.status} from bot protection (${met.text})`;
    case "rate-limit":
      return `429 from Cloudflare's rate limiting (${met.text})`;
    case "cloudflared":
      return `${met.status} from cloudflared`;
    case "tunnel-down":
      return "530 from Cloudflare (error code 1033)";
    case "cloudflare":
      return `${met.status} from Cloudflare${met.text === "" ? "" : ` (${met.text})`}`;
    case "around":
      return `${met.status}${quoted}, not through Cloudflare`;
    case "network":
      return `${failures[met.failure]} (${met.text})`;
  }
}
