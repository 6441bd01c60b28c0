import { isDeepStrictEqual } from "node:util";
import type { Config } from "../fleet/config";
import type { Site } from "../fleet/sites";
import type { RevealedOutputs, SiteCredentials } from "../stack/stack-outputs";

/** A site's credentials, or why the stack has none that fit its file. */
export type Provisioned =
  { readonly credentials: SiteCredentials; readonly problem?: undefined } | { readonly problem: string };

/**
 * Finds what the last `up` made for a site. A file that has changed since is refused: what is rendered from it would
 * push where the site is not let in.
 */
export function provisioned(
  site: Site,
  config: Pick<Config, "endpoints">,
  outputs: RevealedOutputs,
): Provisioned {
  const credentials = outputs.sites[site.name];
  if (credentials === undefined) {
    return { problem: `${site.file}: has no service token yet. Run \`pulumi up\` first.` };
  }
  if (credentials.clientSecret === "") {
    return {
      problem: `${site.file}: its service token was adopted, and Cloudflare shows a secret only once. Rotate it with \`sitepass rotate ${site.name}\` and \`pulumi up\`.`,
    };
  }
  if (credentials.clientSecret === "") {
    return {
      problem: `${site.file}: its token was adopted, and the stack does not know its secret. Rotate it: \`sitepass rotate ${site.name}\`, then \`pulumi up\`.`,
    };
  }
  const declared = Object.fromEntries(
    config.endpoints
      .filter(({ signal }) => site.signals.includes(signal))
      .map(({ signal, hostname, paths: [path] }) => [signal, `https://${hostname}${path}`]),
  );
  return isDeepStrictEqual({ ...credentials.endpoints }, declared)
    ? { credentials }
    : {
        problem: `${site.file}: pushes to ${list(declared)}, and the last up made ${list(credentials.endpoints)}. Run \`pulumi up\` first.`,
      };
}

const list = (urls: Readonly<Record<string, string>>): string =>
  Object.values(urls).join(" and ") || "nothing";
