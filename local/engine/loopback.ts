import { UserError } from "../../fleet/problem";

/**
 * Refuses every API that is not on this machine: the engine is for demo and tests, and knows too little of failures
 * to be let loose on an account.
 *
 * @throws UserError
 */
export function requireLoopback(baseUrl: string | undefined): string {
  if (baseUrl === undefined) {
    throw new UserError([
      "CLOUDFLARE_BASE_URL: is not set. Start `npm run standin` and export what it prints; for an account at Cloudflare use `pulumi up`.",
    ]);
  }
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : "";
  // No names but localhost: what another name resolves to can change after it was looked at.
  if (!/^127(?:\.\d{1,3}){3}$/.test(host) && host !== "[::1]" && host !== "localhost") {
    throw new UserError([
      `CLOUDFLARE_BASE_URL: is "${baseUrl}", which is not on this machine. This engine is for the stand-in only; for an account at Cloudflare use \`pulumi up\`.`,
    ]);
  }
  return baseUrl;
}
