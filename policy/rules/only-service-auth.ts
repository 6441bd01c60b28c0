import { ownPolicies, policyIn, reusablePolicies } from "../pushes";
import type { Rule, Violation } from "../rule";
import { valueIn } from "../properties";

/** What a decision makes of a push. Deny is left alone: it lets nobody in. */
const harmOf: Readonly<Record<string, string>> = {
  allow:
    "Access answers a wrong or expired token with a redirect to its login page, and collectors take that page for a delivery",
  bypass: "Access lets everything through unchecked and unlogged, with or without a token",
};

/** Of a push application's policies, none may decide otherwise than by a service token. */
export const onlyServiceAuth: Rule = {
  name: "push-only-service-auth",
  description: "A push application has no Allow and no Bypass policy.",
  early: true,
  violations: ({ resources, pushes }) =>
    resources
      .filter((resource) => pushes.isPushApplication(resource))
      .flatMap((application): readonly Violation[] => [
        ...[
          ...ownPolicies(application),
          ...reusablePolicies(application, resources).map(({ props, name }) =>
            policyIn(props, `its policy ${name}`),
          ),
        ].flatMap(({ title, decision }) => {
          const harm = harmOf[decision];
          return harm === undefined
            ? []
            : {
                resource: application,
                says: `${title} has the decision "${decision}": ${harm}`,
                todo: 'Write "non_identity", which the dashboard calls Service Auth',
              };
        }),
        ...(valueIn(application.props, "optionsPreflightBypass") === true
          ? [
              {
                resource: application,
                says: "optionsPreflightBypass is true: Access lets every OPTIONS request through to the store unchecked",
                todo: "Leave it out; collectors send no such requests",
              },
            ]
          : []),
      ]),
};
