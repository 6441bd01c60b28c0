import { UserError, type Problem } from "../fleet/problem";
import { strayCharacter } from "../fleet/wording";

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
 * Both are checked as strictly as the provider does. Node takes a token that ends in a line break, which Go refuses, and
 * throws at one in curly quotes, which Go sends.
 *
 * @returns undefined when there is no token.
 * @throws UserError for a token or an address that cannot be one.
 */
export function findApiCredentials(
  raw: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): ApiCredentials | undefined {
  const token = firstGiven(raw, "cloudflare:apiToken", environment, "CLOUDFLARE_API_TOKEN");
  const address = firstGiven(raw, "cloudflare:baseUrl", environment, "CLOUDFLARE_BASE_URL");
  const problems = [...(token === undefined ? [] : tokenProblems(token)), ...addressProblems(address)];
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return token === undefined ? undefined : { apiToken: token.value, baseUrl: address?.value };
}

interface Given {
  /** The configuration key or the variable. */
  readonly source: string;
  readonly value: string;
}

function firstGiven(
  raw: Readonly<Record<string, string>>,
  key: string,
  environment: Readonly<Record<string, string | undefined>>,
  variable: string,
): Given | undefined {
  return [
    { source: key, value: raw[key] ?? "" },
    { source: variable, value: environment[variable] ?? "" },
  ].find(({ value }) => value !== "");
}

/** What a token may be in the provider's configuration; in the environment it looks at nothing (docs/facts/provider.md, P14). */
const shortest = 40;
const longest = 80;

function tokenProblems({ source, value }: Given): readonly Problem[] {
  const stray = strayCharacter(value, /[A-Za-z0-9_-]/);
  if (stray !== undefined) {
    const todo = "Set it to the API token alone, without quotes, spaces and line breaks";
    return [{ subject: source, says: `${stray}, which no API token has`, todo }];
  }
  const inConfiguration = source.startsWith("cloudflare:");
  return inConfiguration && (value.length < shortest || value.length > longest)
    ? [
        {
          subject: source,
          says: `has ${value.length} characters, and Pulumi's provider takes ${shortest} to ${longest} in the configuration`,
          todo: "Set it to the whole API token",
        },
      ]
    : [];
}

function addressProblems(address: Given | undefined): readonly Problem[] {
  if (address === undefined) {
    return [];
  }
  const { source: subject, value } = address;
  const todo = "Unset it for Cloudflare's own API";
  const stray = strayCharacter(value, /[!-~]/);
  if (stray !== undefined) {
    return [{ subject, says: `${stray}, which no address has`, todo }];
  }
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
    ? []
    : [{ subject, says: `is "${value}", which is not a URL`, todo }];
}

/** What is wrong when findApiCredentials finds nothing. */
export const missingTokenProblem: Problem = {
  subject: "CLOUDFLARE_API_TOKEN",
  says: "is not set",
  todo: "Create an API token with the permissions that docs/first-push.md lists and export it, or store it with `pulumi config set --secret cloudflare:apiToken`",
};
