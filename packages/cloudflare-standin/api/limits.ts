import { ApiError } from "./envelope";

/**
 * How much an account may hold and ask. Defaults are Cloudflare's for every plan
 * (https://developers.cloudflare.com/cloudflare-one/account-limits/), where no other source is named.
 */
export interface Limits {
  readonly serviceTokens: number;
  readonly applications: number;
  readonly policies: number;
  /** Include, exclude and require rules of all policies of one application together. */
  readonly rulesPerApplication: number;
  /** Cloudflare's default is 50 since June 2026 (cloudflare-docs#31531); older accounts may have fewer (#33147), 5 before. */
  readonly destinationsPerApplication: number;
  /** Live cloudflared tunnels. */
  readonly tunnels: number;
  /** Per zone; 200 is the Free plan's number for zones created since 2024-09-01. */
  readonly dnsRecords: number;
  /** Cloudflare counts 1,200 per user; here it is off unless asked for, because a test run should not wait 5 minutes. */
  readonly requestsPerFiveMinutes: number;
}

export const defaultLimits: Limits = {
  serviceTokens: 50,
  applications: 500,
  policies: 500,
  rulesPerApplication: 1000,
  destinationsPerApplication: 50,
  tunnels: 1000,
  dnsRecords: 200,
  requestsPerFiveMinutes: Infinity,
};

const windowMilliseconds = 5 * 60 * 1000;

/**
 * Counts requests in windows of five minutes. The one beyond the limit, and all for five minutes after it, are refused
 * (D:fundamentals/api/reference/limits.mdx; code 971 in TF#5505). Cloudflare counts per user; here all API tokens count as
 * one user.
 */
export class RateLimit {
  #windowEnds = 0;
  #count = 0;

  constructor(
    readonly limit: number,
    readonly now: () => Date,
  ) {}

  /** Counts one request; throws the 429 when it is one too many. */
  count(): void {
    const time = this.now().getTime();
    if (time >= this.#windowEnds) {
      this.#windowEnds = time + windowMilliseconds;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count === this.limit + 1) {
      this.#windowEnds = time + windowMilliseconds;
    }
    if (this.#count > this.limit) {
      const seconds = String(Math.ceil((this.#windowEnds - time) / 1000));
      throw new ApiError(
        429,
        [{ code: 971, message: "Please wait and consider throttling your request speed" }],
        {
          "retry-after": seconds,
          "x-ratelimit-limit": String(this.limit),
          "x-ratelimit-remaining": "0",
          "x-ratelimit-reset": seconds,
        },
      );
    }
  }
}
