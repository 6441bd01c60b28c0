import type { Problem } from "../../fleet/problem";
import type { CollectorName, CollectorSite, Credentials, Placement, RenderedFile } from "../collector";
import { explained, type YamlValue } from "./config-text";

/** The two headers that Access takes a service token from (docs/facts/edge.md, E1). */
const accessHeaders = {
  clientId: "CF-Access-Client-Id",
  clientSecret: "CF-Access-Client-Secret",
} as const;

/** Both headers, with what a collector's files have in place of the values. */
export const headersWith = <T>(valueOf: (key: keyof Credentials) => T): Readonly<Record<string, T>> => ({
  [accessHeaders.clientId]: valueOf("clientId"),
  [accessHeaders.clientSecret]: valueOf("clientSecret"),
});

/** The header by which Loki and Mimir tell tenants apart (docs/facts/edge.md, E58, E60). */
export const tenantHeader = "X-Scope-OrgID";

/** That header, where there are tenants. For collectors that push by themselves: behind the relay, the relay sends it. */
export const tenantHeaders = <T>(
  { tenant }: { readonly tenant?: string | undefined },
  valueOf: (tenant: string) => T,
): Readonly<Record<string, T>> => (tenant === undefined ? {} : { [tenantHeader]: valueOf(tenant) });

/** The folder of a collector's secrets, below its own; the site's installer swaps all that is in it in one step. */
export const credentialsFolder = "credentials";

/** The files of a collector that reads each credential from a file of its own. They stay the same over every rotation. */
export const credentialNames = { clientId: "client_id", clientSecret: "client_secret" } as const;

/** Absolute paths of those files at the site. */
export function credentialPaths(collector: CollectorName, { directory }: Placement) {
  const folder = `${directory}/${collector}/${credentialsFolder}`;
  return {
    clientId: `${folder}/${credentialNames.clientId}`,
    clientSecret: `${folder}/${credentialNames.clientSecret}`,
  };
}

/**
 * Those files; none behind the relay. They have no newline at the end, which Alloy would send as a part of the header
 * (docs/facts/collectors.md, K21).
 */
export const credentialFiles = (
  collector: CollectorName,
  { credentials }: Placement,
): readonly RenderedFile[] =>
  credentials === undefined
    ? []
    : keys.map((key) => ({
        path: `${collector}/${credentialsFolder}/${credentialNames[key]}`,
        mode: 0o600,
        content: credentials[key],
      }));

/**
 * Both headers, read from those files, for collectors that have the HTTP options of Prometheus' common library; undefined behind
 * the relay.
 *
 * @param otherwise what such a collector does to take in other changes.
 */
export function headersFromFiles(
  collector: CollectorName,
  placement: Placement,
  site: CollectorSite,
  otherwise: "reload" | "restart",
): YamlValue | undefined {
  const paths = credentialPaths(collector, placement);
  return (
    placement.credentials &&
    explained(
      `Read again for every push: a replaced secret needs no ${otherwise}, and a missing file loses nothing.`,
      {
        ...headersWith<YamlValue>((key) => ({ files: [paths[key]] })),
        ...tenantHeaders<YamlValue>(site, (tenant) => ({ values: [tenant] })),
      },
    )
  );
}

const keys = ["clientId", "clientSecret"] as const;

/** What would break out of its place in a rendered file. Never shows the value, which may be a secret. */
export function credentialProblems(credentials: Credentials): readonly Problem[] {
  return keys
    .filter((key) => !/^[\w.~+/=-]+$/.test(credentials[key]))
    .map((key) => ({
      subject: key,
      says:
        credentials[key] === ""
          ? "is empty"
          : "has characters that no client ID or secret of Cloudflare's has, such as a quote or a line break",
      todo: "Take the site's credentials from the stack again",
    }));
}
