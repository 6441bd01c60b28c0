import type { CollectorRelease, CollectorSite, Placement } from "./collector";
import { versionRefusals } from "./release-version";

/** What no agent's files can be made from; begins each collector's refusals. Never shows a credential. */
export function commonRefusals(
  { labels }: CollectorSite,
  { directory, credentials }: Placement,
  release: CollectorRelease,
): readonly string[] {
  return [
    ...versionRefusals(release),
    // Behind the relay its own files need the same, and say so.
    ...(credentials === undefined || /^(?:\/(?!\.\.?(?:\/|$))[\w.@+-]+)+$/.test(directory)
      ? []
      : [
          `--install-dir: is "${directory}". Name an absolute path of letters, digits and ._@+- alone, without a slash at the end: agents, shell and systemd quote others differently.`,
        ]),
    ...Object.entries(labels)
      // Half of a surrogate pair has no bytes in UTF-8.
      .filter(([, value]) => /\p{Surrogate}/u.test(value))
      .map(
        ([name, value]) => `labels.${name}: is ${JSON.stringify(value)}, which is no text. Type it again.`,
      ),
    ...(credentials === undefined
      ? []
      : (["clientId", "clientSecret"] as const)
          .filter((key) => !/^[\w.~+/=-]+$/.test(credentials[key]))
          .map(
            (key) =>
              `${key}: is empty, or has characters that no client ID or secret of Cloudflare's has. Take the site's credentials from the stack again.`,
          )),
  ];
}
