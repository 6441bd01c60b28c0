/** Permission groups by their names in the API, from "Accepted Permissions" in the documentation of the Terraform provider (TF:docs). */
export const permissions = [
  "Account Settings Read",
  "Access: Service Tokens Read",
  "Access: Service Tokens Write",
  "Access: Apps and Policies Read",
  "Access: Apps and Policies Write",
  "Access: Organizations, Identity Providers, and Groups Read",
  "Access: Organizations, Identity Providers, and Groups Write",
  "Cloudflare Tunnel Read",
  "Cloudflare Tunnel Write",
  "DNS Read",
  "DNS Write",
  "Zone Read",
  "Notifications Read",
  "Notifications Write",
  "Bot Management Read",
  "Bot Management Write",
] as const;

/** What an API token may do. "Write" includes "Read" of the same group. */
export type Permission = (typeof permissions)[number];

/** Whether a token that holds `held` may use a route that asks for `needed`. */
export function isPermitted(held: ReadonlySet<string>, needed: Permission): boolean {
  return held.has(needed) || held.has(needed.replace(/Read$/, "Write"));
}
