/** Why a request got no answer. */
export type NetworkFailure =
  /** The name does not exist. */
  | "dns"
  /** The resolver did not answer: rather this machine's fault than the name's. */
  | "resolver"
  | "tls"
  | "time-out"
  | "refused"
  /** The connection ended before an answer came. */
  | "closed"
  | "unreachable"
  /** Something answered that does not speak HTTP. */
  | "no-http";

/** Who answered a request, and how. */
export type Met =
  /** The service behind Cloudflare. `text` is the beginning of a plain answer. */
  | { readonly kind: "origin"; readonly status: number; readonly text: string }
  /** An HTML page that is neither Access' nor bot protection's, where Prometheus and Loki would answer in plain text. */
  | { readonly kind: "page"; readonly status: number; readonly text: string }
  /** A redirect to Access' login page, which collectors that follow it take for a delivery. `text` is the host it leads to. */
  | { readonly kind: "login"; readonly status: number; readonly text: string }
  | { readonly kind: "redirect"; readonly status: number; readonly text: string }
  | { readonly kind: "access"; readonly status: 401 | 403; readonly text: string }
  /** Bot protection, a firewall rule, Under Attack mode. `text` is the sign it was known by. */
  | { readonly kind: "bot-protection"; readonly status: number; readonly text: string }
  | { readonly kind: "rate-limit"; readonly status: 429; readonly text: string }
  /** The connector itself, not the service behind it. */
  | { readonly kind: "cloudflared"; readonly status: number; readonly text: string }
  /** 530 with error 1033: no connector serves the tunnel. */
  | { readonly kind: "tunnel-down"; readonly status: 530; readonly text: string }
  /** Cloudflare's network: the way to the origin failed. `text` is its error code. */
  | { readonly kind: "cloudflare"; readonly status: number; readonly text: string }
  /** An answer that did not pass Cloudflare at all, whatever it says. */
  | { readonly kind: "around"; readonly status: number; readonly text: string }
  | { readonly kind: "network"; readonly failure: NetworkFailure; readonly text: string };
