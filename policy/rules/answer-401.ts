import { notYetKnown, valueIn } from "../properties";
import type { Rule } from "../rule";

/** A refused push must be told so in a way that a collector understands. */
export const answer401: Rule = {
  name: "push-answer-401",
  description: "A push application has serviceAuth401Redirect.",
  early: true,
  violations: ({ resources, pushes }) =>
    resources
      .filter((resource) => pushes.isPushApplication(resource))
      .flatMap((application) => {
        const value = valueIn(application.props, "serviceAuth401Redirect");
        return value === true || value === notYetKnown
          ? []
          : {
              resource: application,
              says: `serviceAuth401Redirect is ${value === undefined ? "missing" : JSON.stringify(value)}: a refused push is answered with 403, or with a redirect to a login page, which collectors take for a delivery`,
              todo: "Set serviceAuth401Redirect: true",
            };
      }),
};
