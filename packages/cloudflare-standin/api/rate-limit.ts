import { rateLimited } from "./errors";

const windowMilliseconds = 5 * 60 * 1000;

/**
 * Counts requests in windows of five minutes. The one beyond the limit, and all for five minutes after it, are refused
 * (D:fundamentals/api/reference/limits.mdx). Cloudflare counts per user; here all API tokens count as one user.
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
      throw rateLimited(this.limit, Math.ceil((this.#windowEnds - time) / 1000));
    }
  }
}
