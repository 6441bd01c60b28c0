import { isKind } from "../resources";
import type { Rule } from "../rule";
import { pushTokens, tokensOf } from "../push-tokens";

/** A site's pass opens nothing but the push. */
export const tokensForPushesAlone: Rule = {
  name: "push-tokens-for-pushes-alone",
  description: "The tokens of push applications are let in by no other application.",
  early: false,
  violations: ({ resources, pushes }) => {
    const tokens = new Set(pushTokens(pushes, resources).map(({ urn }) => urn));
    return resources
      .filter((resource) => isKind(resource, "application") && !pushes.isPushApplication(resource))
      .flatMap((application) => {
        const shared = tokensOf(application, resources).filter(({ urn }) => tokens.has(urn));
        return shared.length === 0
          ? []
          : {
              resource: application,
              says: `it lets in ${shared.length === 1 ? "the token" : "tokens"} ${[...new Set(shared.map(({ name }) => name))].slice(0, 5).join(", ")}${shared.length > 5 ? ` and ${shared.length - 5} more` : ""}, which sites push with: a credential that leaks at a site opens this too`,
              todo: "Give it a token of its own",
            };
      });
  },
};
