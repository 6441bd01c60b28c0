import type { Placement } from "./collector";

/** What to know of agents whose HTTP client follows redirects and has no option against it: Go's, when nobody sets CheckRedirect. */
export function redirectNote(title: string, { credentials }: Placement): readonly string[] {
  return credentials === undefined
    ? []
    : [
        `${title} follows redirects, and has no option against it: if central ever answers with one, such as to a login page, it takes the page's 200 for a delivery and hands the page the secret. Render with --relay to rule that out.`,
      ];
}
