import type { Placement } from "./collector";

/** Why `follow_redirects` is false, for the rendered files of agents that have it. */
export function redirectComment({ credentials }: Placement): string {
  return credentials === undefined
    ? "Never true: a redirect leads to a login page, whose 200 counts as delivered."
    : "Never true: a redirect leads to a login page, whose 200 counts as delivered, and hands it the secret.";
}
