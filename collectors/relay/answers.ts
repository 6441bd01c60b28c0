/**
 * What a collector behind the relay gets to see. Collectors differ in what they do with an answer, and agree on two: a 2xx is
 * delivered, and a 503 is sent again. So everything becomes 503 but
 *
 * - 2xx, unless it is a page of HTML: a login page, a challenge, a rule in the way. No origin answers a push with one.
 * - 400, 409, 415 and 422, unless it is such a page: the origin has looked at this batch and will never take it, as with samples that
 *   are too old. A batch that is sent again for ever would keep all others from being sent. 415 also is how vmagent and
 *   senders of remote write 2.0 find out that they must speak another dialect.
 * - 413, HTML or not: the batch is too long for somebody on the way, and an nginx in front of an origin says so in HTML.
 *
 * So what is mended elsewhere costs nothing: 3xx, 401 and 403 (token, policy, bot protection), 404 and 405 (no rule of the tunnel, a
 * receiver that is not switched on; a batch never causes them), 429 (Prometheus and OpenTelemetry's remote write drop on it), and
 * all 5xx, because OpenTelemetry's otlp_http gives up on 500 and on Cloudflare's 520 to 530, and Vector on 501.
 *
 * The price: a WAF rule that refuses one batch for what is in it (403) holds up the queue until the rule excepts the host.
 *
 * Patterns are matched against `<status> <content type>` without case, the first that matches counts, and what none
 * matches is 503. Written in what PCRE (nginx) and RE2 (Caddy) have in common, without braces, which both files give another meaning.
 */
export const answerRules: readonly { readonly pattern: string; readonly passes: boolean }[] = [
  { pattern: "^413 ", passes: true },
  { pattern: "^[0-9]+ (?:text/html|application/xhtml)", passes: false },
  { pattern: "^(?:2[0-9][0-9]|400|409|415|422) ", passes: true },
];

/**
 * When a push that the edge refused is worth another try: soon enough that nobody waits for long after the credential was
 * mended, and not so soon that a fleet knocks all the time. An origin's own wait of up to 99 seconds counts instead; a longer
 * one would outlast the buffers of some collectors. With 5xx and without an answer none is given: collectors then
 * wait as they think right.
 */
export const retryAfterSeconds = 15;

/** Matched against `<status> <the answer's own Retry-After>`, as above; the group is the wait. */
export const ownWaitPattern = "^[0-9]+ ([1-9][0-9]?)$";

/** As above, for answers that name no wait and get none. */
export const noWaitPattern = "^5";

/**
 * Longest body. Collectors send far less at once (vmagent's blocks of up to 8 MB are the largest), and Cloudflare takes 100 MB
 * on the smallest plan. Longer ones are answered with 413, which collectors do not repeat.
 */
export const bodyLimitBytes = 16_000_000;

/**
 * Never passed on, whatever a collector sends: session and identity of Access, which would count besides the credentials, or, in
 * strict mode, against them. The pair of credentials itself is overwritten.
 */
export const strippedHeaders = [
  "Cookie",
  "CF-Access-Token",
  "CF-Access-Jwt-Assertion",
  "CF-Access-Authenticated-User-Email",
] as const;
