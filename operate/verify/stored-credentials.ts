import type { Site } from "../../fleet/sites";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import type { Problem } from "./verdict";

/** What the stack holds of a site's token, or why nothing can be tried with it. */
export function storedCredentials(
  { name }: Site,
  { sites }: RevealedOutputs,
): { readonly credentials: SiteCredentials } | { readonly problem: Problem } {
  const credentials = sites[name];
  if (credentials === undefined) {
    return { problem: { says: "has no service token yet", todo: "Run `pulumi up`" } };
  }
  if (credentials.clientSecret === "") {
    return {
      problem: {
        says: "its token was adopted, and the stack does not know its secret",
        todo: "Run `sitepass rotate <site>` and `pulumi up`",
      },
    };
  }
  return { credentials };
}
