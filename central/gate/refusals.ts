/** Why a push is not let in: what it is answered, and what the answer says to whoever reads a collector's log. */
interface Refusal {
  readonly status: 401 | 405 | 413 | 429 | 503;
  readonly says: string;
}

/**
 * Every reason for not letting a push in.
 *
 * A collector throws away what is answered with 4xx, and keeps what is answered with 503 or, where sitepass rendered its files, with
 * 429. So 4xx is for what no file of the gate could ever make right. Whatever Access signed and the gate does not know is 503: its
 * keys, its map, its configuration or its clock may be behind. A push is let in by none of them.
 */
export const refusals = {
  "no-assertion": { status: 401, says: "it has no assertion, so it did not come by way of Access" },
  "two-assertions": { status: 401, says: "it has more than one assertion" },
  malformed: { status: 401, says: "its assertion is not a JWT" },
  algorithm: { status: 401, says: "its assertion is not signed with RS256" },
  signature: { status: 401, says: "its assertion is not signed with the key that it names" },
  claims: { status: 401, says: "its assertion has no expiry, or is of no service token" },
  method: { status: 405, says: "a push is a POST" },
  "too-large": { status: 413, says: "it is longer than the stores take" },
  requests: { status: 429, says: "this site sends more requests a second than its limit" },
  bytes: { status: 429, says: "this site sends more bytes a second than its limit" },
  connections: { status: 429, says: "this site has too many pushes under way" },
  "unknown-key": {
    status: 503,
    says: "its assertion names a key that was not fetched yet; run sitepass central keys",
  },
  issuer: { status: 503, says: "its assertion is of another team; compare the team name" },
  expired: { status: 503, says: "its assertion has expired; compare the clock of the central host" },
  "not-yet-valid": {
    status: 503,
    says: "its assertion is not valid yet; compare the clock of the central host",
  },
  audience: {
    status: 503,
    says: "its assertion is for another application; run sitepass central, and reload the gate",
  },
  "unknown-client": {
    status: 503,
    says: "its service token is not in the map of sites; run sitepass central map",
  },
  "shut-out": { status: 503, says: "this site is shut out; if it no longer is, run sitepass central map" },
  "other-signal": {
    status: 503,
    says: "this site does not push this signal; if it now does, run sitepass central map",
  },
  path: { status: 503, says: "this path is not configured here; run sitepass central, and reload the gate" },
  "remote-write-2": {
    status: 503,
    says: "vmagent does not read remote write 2.0; let the collector send 1.0",
  },
} as const satisfies Readonly<Record<string, Refusal>>;

export type RefusalReason = keyof typeof refusals;
