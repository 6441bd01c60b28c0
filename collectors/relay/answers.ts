/**
 * Which answers of the edge a collector behind the relay gets to see. Collectors agree on three only: what is answered with 2xx is
 * delivered, what is answered with 503 is sent again (docs/facts/collectors.md, K1), and what is answered with 400 is not, because
 * it never can be taken (K51, K65). So everything becomes 503 except
 *
 * - 2xx, unless it is a page of HTML: a login page, a challenge, a rule in the way. No origin answers a push with one.
 * - 400, unless it is such a page: the origin has looked at this batch and will never take it, as with samples that are too old.
 *   Sent again for ever, it would keep all others from being sent.
 * - 409, 413 and 422, which say the same and become 400: vmagent sends what is too long, 413, again for ever, and Fluent Bit all
 *   three. 413 also as HTML, as an nginx in front of an origin says it.
 * - 415, by which vmagent and senders of remote write 2.0 find out that they must speak another dialect (K33).
 *
 * So what is fixed elsewhere costs no data: 3xx, 401 and 403 (token, policy, bot protection), 404 and 405 (no rule of the tunnel, a
 * receiver that is not switched on; a batch never causes them), 429 (Prometheus and OpenTelemetry's remote write drop on it), and
 * all 5xx, because OpenTelemetry's otlp_http gives up on 500 and on Cloudflare's 520 to 530 (K30), and Vector on 501 (K38).
 *
 * The price: a WAF rule that refuses one batch for what is in it (403) holds up the queue until the rule excepts the host. A store
 * that answers 429 or 500 to a batch for its length would too, so collectors' batches are far shorter (common/batch-limits.ts).
 *
 * Patterns are matched against `<status> <content type>` without case, the first that matches counts, and what none
 * matches is 503. They are written in what PCRE (nginx) and RE2 (Caddy) have in common (K50), without braces, which have
 * another meaning in both files.
 */
export const answerRules: readonly { readonly pattern: string; readonly verdict: Verdict }[] = [
  { pattern: "^413 ", verdict: "never" },
  { pattern: "^[0-9]+ (?:text/html|application/xhtml)", verdict: "again" },
  { pattern: "^(?:409|422) ", verdict: "never" },
  { pattern: "^(?:2[0-9][0-9]|400|415) ", verdict: "pass" },
];

/** An answer is passed on, made a 503, or made a 400. */
type Verdict = "pass" | "again" | "never";

/**
 * After how many seconds a push that the edge refused is worth another try: soon enough once the credential was fixed, and not
 * so soon that a fleet asks all the time. A wait of up to 99 seconds that an origin names is passed on instead; a longer one
 * would outlast the buffers of some collectors. 5xx, and no answer, name no wait: collectors then wait as they do by default.
 */
export const retryAfterSeconds = 15;

/** Matched against `<status> <the answer's own Retry-After>`, as above; the group is the wait. */
export const ownWaitPattern = "^[0-9]+ ([1-9][0-9]?)$";

/** As above, for answers that name no wait and get none. */
export const noWaitPattern = "^5";

/**
 * Collectors send far less at once (common/batch-limits.ts), and Cloudflare takes 100 MB on the smallest
 * plan. Longer bodies are answered with 400, which no collector repeats.
 */
export const bodyLimitBytes = 16_000_000;

/**
 * Never passed on, whatever a collector sends: session and identity of Access, which would count besides the credentials, or, in
 * strict mode, against them.
 */
export const strippedHeaders = [
  "Cookie",
  "CF-Access-Token",
  "CF-Access-Jwt-Assertion",
  "CF-Access-Authenticated-User-Email",
];
