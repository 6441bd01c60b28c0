import { stringify } from "yaml";
import { signalNames } from "../fleet/signals";
import type { SiteCredentials } from "../stack/stack-outputs";

/** How a site's credentials are written. */
export const formats = ["env", "json", "kubernetes"] as const;

export type Format = (typeof formats)[number];

/** What a Kubernetes Secret is called. */
export interface SecretName {
  readonly name: string;
  /** Undefined: whichever it is applied to. */
  readonly namespace: string | undefined;
}

/** A site's credentials as text; it holds the client secret in clear. */
export function credentialsText(
  format: Format,
  site: string,
  credentials: SiteCredentials,
  secretName: SecretName,
): string {
  switch (format) {
    case "env":
      return envText(site, credentials);
    case "json":
      return `${JSON.stringify({ site, ...credentials }, undefined, 2)}\n`;
    case "kubernetes":
      return kubernetesText(site, credentials, secretName);
  }
}

/**
 * Assignments that a shell, systemd's `EnvironmentFile` and `docker run --env-file` all read the same. Docker takes quotes
 * for a part of the value, so that only those stand in them that a shell would otherwise take apart.
 */
function envText(site: string, credentials: SiteCredentials): string {
  return Object.entries(variables(site, credentials))
    .map(([name, value]) => `${name}=${shellWord(value)}\n`)
    .join("");
}

function shellWord(value: string): string {
  return /^[A-Za-z0-9_.,:/@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** The keys are names of environment variables, so that `envFrom` takes the Secret as it is. */
function kubernetesText(site: string, credentials: SiteCredentials, { name, namespace }: SecretName): string {
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
      data: Object.fromEntries(
        Object.entries(variables(site, credentials)).map(([key, value]) => [
          key,
          Buffer.from(value).toString("base64"),
        ]),
      ),
    },
    { lineWidth: 0 },
  );
}

function variables(
  site: string,
  { clientId, clientSecret, endpoints }: SiteCredentials,
): Readonly<Record<string, string>> {
  return {
    CF_ACCESS_CLIENT_ID: clientId,
    CF_ACCESS_CLIENT_SECRET: clientSecret,
    SITEPASS_SITE: site,
    ...Object.fromEntries(
      signalNames.flatMap((signal) => {
        const url = endpoints[signal];
        return url === undefined ? [] : [[`SITEPASS_${signal.toUpperCase()}_URL`, url]];
      }),
    ),
  };
}
