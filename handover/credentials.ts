import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import { shellWord } from "../collectors/site-folder/install-script";
import { endpointUrls, type Config } from "../fleet/config";
import { failure, success, type Result } from "../fleet/problem";
import { signalNames } from "../fleet/signals";
import type { Site } from "../fleet/sites";
import { noTokenProblem } from "../stack/match-token";
import type { RevealedOutputs, SiteCredentials } from "../stack/stack-outputs";

/**
 * Finds what the last `up` made for a site. A file that has changed since is refused: what is rendered from it would
 * push where the site is not let in.
 */
export function siteCredentials(
  site: Site,
  config: Pick<Config, "endpoints">,
  outputs: RevealedOutputs,
): Result<SiteCredentials> {
  const refused = (says: string, todo: string) => failure({ subject: site.file, says, todo });
  const credentials = outputs.sites[site.name];
  if (credentials === undefined) {
    return failure(noTokenProblem(site.file, "Run `pulumi up` first"));
  }
  if (credentials.clientSecret === "") {
    return refused(
      "its service token was adopted, and Cloudflare shows a secret only once",
      `Rotate it with \`npx sitepass rotate ${site.name}\` and \`pulumi up\``,
    );
  }
  const declared = endpointUrls(config.endpoints.filter(({ signal }) => site.signals.includes(signal)));
  const list = (urls: SiteCredentials["endpoints"]) => Object.values(urls).join(" and ") || "nothing";
  return isDeepStrictEqual({ ...credentials.endpoints }, declared)
    ? success(credentials)
    : refused(
        `pushes to ${list(declared)}, and the last up made ${list(credentials.endpoints)}`,
        "Run `pulumi up` first",
      );
}

/** How a site's credentials are written. */
export type Format = "env" | "json" | "kubernetes";

/** What a Kubernetes Secret is called: `sitepass-<site>` by default, in whichever namespace it is applied to. */
export interface SecretName {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

/** A site's credentials as text; it holds the client secret in clear. */
export function credentialsText(
  format: Format,
  site: string,
  credentials: SiteCredentials,
  secretName: SecretName,
): string {
  const variables = environmentOf(site, credentials);
  switch (format) {
    case "env":
      // A shell, systemd's `EnvironmentFile` and `docker run --env-file` all read this the same. Docker takes quotes for a
      // part of the value, so that they stand only around what a shell would otherwise take apart.
      return variables.map(([name, value]) => `${name}=${shellWord(value)}\n`).join("");
    case "json":
      return `${JSON.stringify({ site, ...credentials }, undefined, 2)}\n`;
    case "kubernetes":
      return kubernetesText(site, variables, secretName);
  }
}

const environmentOf = (
  site: string,
  { clientId, clientSecret, endpoints }: SiteCredentials,
): readonly (readonly [name: string, value: string])[] => [
  ["CF_ACCESS_CLIENT_ID", clientId],
  ["CF_ACCESS_CLIENT_SECRET", clientSecret],
  ["SITEPASS_SITE", site],
  ...signalNames
    .map((signal) => [`SITEPASS_${signal.toUpperCase()}_URL`, endpoints[signal] ?? ""] as const)
    .filter(([, url]) => url !== ""),
];

/** The keys are names of environment variables, so that `envFrom` takes the Secret as it is. */
function kubernetesText(
  site: string,
  variables: ReturnType<typeof environmentOf>,
  { name = `sitepass-${site}`, namespace }: SecretName,
): string {
  return stringify(
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        labels: { "app.kubernetes.io/managed-by": "sitepass", "sitepass/site": site },
      },
      type: "Opaque",
      data: Object.fromEntries(variables.map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
    },
    { lineWidth: 0 },
  );
}
