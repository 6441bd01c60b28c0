import { textIn, valueIn } from "../properties";
import { groupsOf, ownPolicies, policyIn, reusablePolicies } from "../pushes";
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
  if (valueIn(include, "geo") !== undefined) {
    return { what: "a country", letsIn: "whoever is there may write to the store, without a token" };
  }
  const network = textIn(include, "ip", "ip");
  return network !== undefined && isHuge(network)
    ? {
        what: `the network ${network}`,
        letsIn: `${/\/0+$/.test(network) ? "every address" : "a large part of the internet"} may write to the store, without a token`,
      }
    : undefined;
}

/** Two halves are everything, too. The largest network that one organization has is 10.0.0.0/8. */
function isHuge(network: string): boolean {
  const [, bits] = /\/0*(\d+)$/.exec(network) ?? [];
  return bits !== undefined && Number(bits) < (network.includes(":") ? 16 : 8);
}

/** Who may push is said token by token. */
export const onlyNamedTokens: Rule = {
  name: "push-only-named-tokens",
  description:
    "No policy of a push application includes everyone, every valid service token, a country, or a large part of all addresses.",
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
          ...groupsOf(application, resources).map(({ props, name }) => policyIn(props, `its group ${name}`)),
        ].flatMap(({ title, decision, includes }) =>
          // Who is refused may be everyone.
          (decision === "deny" ? [] : includes).flatMap((include) => {
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
