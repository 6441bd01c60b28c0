/**
 * How long what Access issues for an admitted request is good for.
 *
 * Collectors send their token with every request and keep no cookies, so the time decides only how long the assertion
 * is valid that cloudflared checks at the origin, and how long a copied one could be used again. Explicit, because the
 * provider would fill in 24 h, which accounts with a lower cap refuse (terraform-provider-cloudflare#6094, #7221).
 */
export const sessionDuration = "30m";
