import { placesOf } from "../pushes";
import { isKind } from "../resources";
import type { Rule } from "../rule";
import { pushTokens, tokensOf } from "../push-tokens";

/** A site's pass opens nothing but the push. */
export const tokensForPushesAlone: Rule = {
  name: "push-tokens-for-pushes-alone",
  description: "The tokens of push applications are let in by no other application, and on no other host.",
  early: false,
  violations: ({ resources, pushes }) => {
    const tokens = new Set(pushTokens(pushes, resources).map(({ urn }) => urn));
    return resources
      .filter((resource) => isKind(resource, "application"))
      .flatMap((application) => {
        const shared = tokensOf(application, resources).filter(({ urn }) => tokens.has(urn));
        // Another path of a push host may be one that answers whether it is up.
        const elsewhere = placesOf(application).find(({ host }) => !pushes.hosts.has(host));
        if (shared.length === 0 || (pushes.isPushApplication(application) && elsewhere === undefined)) {
          return [];
        }
        const named = `${shared.length === 1 ? "the token" : "tokens"} ${[...new Set(shared.map(({ name }) => name))].slice(0, 5).join(", ")}${shared.length > 5 ? ` and ${shared.length - 5} more` : ""}, which sites push with`;
        return pushes.isPushApplication(application) && elsewhere !== undefined
          ? {
              resource: application,
              says: `it covers ${elsewhere.host}, which nobody pushes to, beside a push host, and lets in ${named}: a credential that leaks at a site opens that too`,
              todo: `Give ${elsewhere.host} an application and a token of its own, or name it in sitepass-policy:hosts`,
            }
          : {
              resource: application,
              says: `it lets in ${named}: a credential that leaks at a site opens this too`,
              todo: "Give it a token of its own",
            };
      });
  },
};
