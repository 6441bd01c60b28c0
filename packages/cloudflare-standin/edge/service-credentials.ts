import { z } from "zod";
import { valuesOf, type HeaderLines } from "./header-lines";

/** What a request says about its service token. `malformed` is more than nothing: the sender tried. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "malformed"; readonly detail: string }
  | { readonly kind: "pair"; readonly clientId: string; readonly clientSecret: string };

const idHeader = "CF-Access-Client-Id";
const secretHeader = "CF-Access-Client-Secret";

/** Headers that never go on to the origin, see access.ts. */
export const secretHeaders = [secretHeader];

const singleHeader = z.object({ "cf-access-client-id": z.string(), "cf-access-client-secret": z.string() });

/**
 * Reads the pair of headers, or the application's own header with both in JSON with lower-case keys
 * (service-tokens.mdx "Authenticate with a single header"; wrong case fails, blog.caidu.me).
 *
 * Strict mode refuses duplicates, half a pair, and credentials in both places (service-tokens.mdx "Enforce strict ..."). What
 * happens without strict mode is a gap; here duplicates and halves are refused alike, and of both places the pair counts.
 * Headers that are there and empty, as from an agent with unset variables, count as none (facts/datapath.md §1 [INF]).
 */
export function readCredentials(
  headers: HeaderLines,
  customHeader: string | undefined,
  strict: boolean,
): Credentials {
  const pair = readPair(valuesOf(headers, idHeader), valuesOf(headers, secretHeader));
  const custom = customHeader === undefined ? none : readSingle(valuesOf(headers, customHeader));
  if (strict && pair.kind !== "none" && custom.kind !== "none") {
    return malformed("credentials in the pair of headers and in the custom header");
  }
  return pair.kind === "none" ? custom : pair;
}

const none: Credentials = { kind: "none" };

function malformed(detail: string): Credentials {
  return { kind: "malformed", detail };
}

function readPair(ids: readonly string[], secrets: readonly string[]): Credentials {
  const given = [...ids, ...secrets].some((value) => value !== "");
  if (!given) {
    return none;
  }
  if (ids.length > 1 || secrets.length > 1) {
    return malformed("duplicate service token headers");
  }
  const [clientId = ""] = ids;
  const [clientSecret = ""] = secrets;
  return clientId === "" || clientSecret === ""
    ? malformed(`${clientId === "" ? secretHeader : idHeader} without the other`)
    : { kind: "pair", clientId, clientSecret };
}

function readSingle(values: readonly string[]): Credentials {
  const [value = ""] = values;
  if (values.every((other) => other === "")) {
    return none;
  }
  if (values.length > 1) {
    return malformed("duplicate custom header");
  }
  const parsed = singleHeader.safeParse(parsedJson(value));
  return parsed.success
    ? readPair([parsed.data["cf-access-client-id"]], [parsed.data["cf-access-client-secret"]])
    : malformed("the custom header is not JSON with cf-access-client-id and cf-access-client-secret");
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
