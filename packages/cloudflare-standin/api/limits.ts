/** How much an account may hold and ask. Defaults are Cloudflare's for every plan (facts/cloudflare.md §6, account-limits page). */
export interface Limits {
  readonly serviceTokens: number;
  readonly applications: number;
  readonly policies: number;
  /** Include, exclude and require rules of all policies of one application together. */
  readonly rulesPerApplication: number;
  readonly destinationsPerApplication: number;
  /** Live cloudflared tunnels. */
  readonly tunnels: number;
  /** Per zone; 200 is the Free plan's number for zones created since 2024-09-01. */
  readonly dnsRecords: number;
  /** Cloudflare counts 1,200 per user; here it is off unless asked for, as a test run is no user and should not wait 5 minutes. */
  readonly requestsPerFiveMinutes: number;
}

export const defaultLimits: Limits = {
  serviceTokens: 50,
  applications: 500,
  policies: 500,
  rulesPerApplication: 1000,
  destinationsPerApplication: 5,
  tunnels: 1000,
  dnsRecords: 200,
  requestsPerFiveMinutes: Infinity,
};
