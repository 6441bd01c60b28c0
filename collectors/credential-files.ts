import type { CollectorName, Placement, RenderedFile } from "./collector";

/** The two headers that Access takes a service token from (Cloudflare docs, service-tokens). */
export const accessHeaders = {
  clientId: "CF-Access-Client-Id",
  clientSecret: "CF-Access-Client-Secret",
} as const;

/** The folder of a collector's secrets, below its own; the site's installer swaps all that is in it in one step. */
export const credentialsFolder = "credentials";

/** Absolute paths at the site, which stay the same over every rotation. */
export interface CredentialPaths {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Where an agent that reads each credential from a file of its own finds them. */
export function credentialPaths(collector: CollectorName, { directory }: Placement): CredentialPaths {
  const folder = `${directory}/${collector}/${credentialsFolder}`;
  return { clientId: `${folder}/client_id`, clientSecret: `${folder}/client_secret` };
}

/**
 * Those files; none behind the relay. Without a newline at the end, which some agents would send as part of the header
 * (Alloy 1.18, internal/component/common/config/types.go).
 */
export function credentialFiles(
  collector: CollectorName,
  { credentials }: Placement,
): readonly RenderedFile[] {
  const file = (name: string, content: string): RenderedFile => ({
    path: `${collector}/${credentialsFolder}/${name}`,
    mode: 0o600,
    content,
  });
  return credentials === undefined
    ? []
    : [file("client_id", credentials.clientId), file("client_secret", credentials.clientSecret)];
}
