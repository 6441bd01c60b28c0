import { textIn, valueIn } from "../properties";
import { ownPolicies, policyIn, reusablePolicies } from "../pushes";
import type { Rule } from "../rule";

/** What is too wide to stand in `includes`, and what it would let in. */
function tooWide(include: unknown): { readonly what: string; readonly letsIn: string } | undefined {
  if (valueIn(include, "everyone") !== undefined) {
    return {
      what: "everyone",
      letsIn: "whoever knows the host name may write to the store, without a token",
    };
  }
  if (valueIn(include, "anyValidServiceToken") !== undefined) {
    return { what: "anyValidServiceToken", letsIn: "every token of the account may push, other teams' too" };
  }
  const network = textIn(include, "ip", "ip");
  return network !== undefined && /\/0+$/.test(network)
    ? { what: `the network ${network}`, letsIn: "every address may write to the store, without a token" }
    : undefined;
}

/** Who may push is said token by token. */
export const onlyNamedTokens: Rule = {
  name: "push-only-named-tokens",
  description:
    "No policy of a push application includes everyone, every valid service token, or every address.",
  early: true,
  violations: ({ resources, pushes }) =>
    resources
      .filter((resource) => pushes.isPushApplication(resource))
      .flatMap((application) =>
        [
          ...ownPolicies(application),
          ...reusablePolicies(application, resources).map(({ props, name }) =>
            policyIn(props, `its policy ${name}`),
          ),
        ].flatMap(({ title, includes }) =>
          includes.flatMap((include) => {
            const wide = tooWide(include);
            return wide === undefined
              ? []
              : {
                  resource: application,
                  says: `${title} includes ${wide.what}: ${wide.letsIn}`,
                  todo: "Include each site's token by its ID, as { serviceToken: { tokenId } }",
                };
          }),
        ),
      ),
};
