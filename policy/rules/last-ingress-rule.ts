import { ingressRulesOf } from "../pushes";
import type { Rule } from "../rule";

/** What no rule of a tunnel names must end in the tunnel. */
export const lastIngressRule: Rule = {
  name: "push-ingress-ends-with-404",
  description:
    "The last ingress rule of a tunnel that pushes come through is http_status:404 for everything.",
  early: true,
  violations: ({ resources, pushes }) =>
    resources
      .filter((resource) => pushes.isPushIngress(resource))
      .flatMap((ingress) => {
        const last = ingressRulesOf(ingress).at(-1);
        return last === undefined ||
          last.service === "" ||
          (last.service === "http_status:404" && last.hostname === undefined && (last.path ?? "") === "")
          ? []
          : {
              resource: ingress,
              says: `its last rule is for ${last.hostname ?? "every host name"}${last.path === undefined ? "" : `, ${last.path}`} and leads to ${last.service}: what no other rule names, another path of a push host among it, goes there`,
              todo: 'End the list with { service: "http_status:404" } alone',
            };
      }),
};
