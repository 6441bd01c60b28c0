import { UserError } from "../../fleet/problem";
import { isLoopback } from "../../fleet/names";

/**
 * Refuses every API that is not on this machine: what is here is for demo and tests, and knows too little of failures
 * to be let loose on an account.
 *
 * @throws UserError
 */
export function requireLoopback(baseUrl: string | undefined): string {
  if (baseUrl === undefined) {
    throw new UserError([
      {
        subject: "CLOUDFLARE_BASE_URL",
        says: "is not set",
        todo: "Start `npm run standin` and export what it prints; for an account at Cloudflare use `pulumi up`",
      },
    ]);
  }
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : "";
  if (!isLoopback(host.replace(/^\[|\]$/g, ""))) {
    throw new UserError([
      {
        subject: "CLOUDFLARE_BASE_URL",
        says: `is "${baseUrl}", which is not on this machine`,
        todo: "This engine is for the stand-in only; for an account at Cloudflare use `pulumi up`",
      },
    ]);
  }
  return baseUrl;
}
