import type { Problem } from "../fleet/problem";

/** How the API is reached by the parts that call it themselves, beside Pulumi's provider, which reads the same two. */
export interface ApiCredentials {
  /** An API token; never shown. */
  readonly apiToken: string;
  /** Address of the v4 API, or undefined for Cloudflare's own. */
  readonly baseUrl: string | undefined;
}

/**
 * Finds the API token and address where Pulumi's Cloudflare provider looks for them: in the stack's configuration
 * first, then in the environment (docs/facts/provider.md, P14).
 *
 * @returns undefined when there is no token.
 */
export function findApiCredentials(
  raw: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): ApiCredentials | undefined {
  const apiToken = given(raw["cloudflare:apiToken"]) ?? given(environment.CLOUDFLARE_API_TOKEN);
  return apiToken === undefined
    ? undefined
    : { apiToken, baseUrl: given(raw["cloudflare:baseUrl"]) ?? given(environment.CLOUDFLARE_BASE_URL) };
}

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

/** What is wrong when findApiCredentials finds nothing. */
export const missingTokenProblem: Problem = {
  subject: "CLOUDFLARE_API_TOKEN",
  says: "is not set",
  todo: "Create an API token with the permissions that the README lists and export it, or store it with `pulumi config set --secret cloudflare:apiToken`",
};
