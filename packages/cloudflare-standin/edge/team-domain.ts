import { ownAnswer, type Answer } from "./answer";
import type { SigningKeys } from "./signing-keys";

const loginPage = `<!DOCTYPE html><title>Sign in - Cloudflare Access</title><h1>Sign in</h1>
<form method="post"><input name="email" type="email"><button>Send me a code</button></form>
`;

/**
 * `<team>.cloudflareaccess.com`: the keys that assertions are checked with, and the login page. The page answers 200, which
 * is why a collector that follows a redirect to it takes its data for delivered (facts/cloudflare.md §11 [RUN]).
 */
export function answerTeamDomain(path: string, keys: SigningKeys): Answer {
  const [pathname = ""] = path.split("?", 1);
  if (pathname === "/cdn-cgi/access/certs") {
    return withType("application/json", JSON.stringify(keys.jwks), "the organization's keys");
  }
  if (pathname.startsWith("/cdn-cgi/access/login")) {
    return withType("text/html; charset=UTF-8", loginPage, "the login page");
  }
  return ownAnswer("access", 404, "nothing else of the team domain is imitated", "Not found\n");
}

function withType(type: string, body: string, detail: string): Answer {
  return { ...ownAnswer("access", 200, detail, body), headers: [["content-type", type]] };
}
