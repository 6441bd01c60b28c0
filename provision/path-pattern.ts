/**
 * The ingress pattern that matches exactly these paths.
 *
 * cloudflared matches with Go's regexp, unanchored and on a path it does not normalise, so a bare path would also let
 * `/anything/api/v1/write/../../-/reload` through (cloudflared 2026.8.2, ingress/rule.go).
 */
export function anchoredPattern(paths: readonly string[]): string {
  const escaped = paths.map((path) => path.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&"));
  return escaped.length === 1 ? `^${escaped.join("")}$` : `^(?:${escaped.join("|")})$`;
}
