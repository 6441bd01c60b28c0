import { ingressRulesOf, leadsNowhere, placesOf } from "../pushes";
import type { Resource } from "../resources";
import { isKind } from "../resources";
import type { Rule } from "../rule";

/** An application on a path protects that path alone; everything else on the host needs one too. */
export const coveredHosts: Rule = {
  name: "push-hosts-covered",
  description: "Every push host that the stack publishes has an application on the whole host.",
  early: false,
  violations: ({ resources, pushes }) =>
    [...pushes.hosts].flatMap((host) => {
      const applications = resources.filter((resource) => isKind(resource, "application"));
      const places = applications.flatMap((application) =>
        placesOf(application).filter((place) => place.host === host),
      );
      const published: readonly Resource[] = [
        ...resources.filter((resource) => pushes.hostOfRecord(resource) === host),
        ...resources
          .filter((resource) => isKind(resource, "ingress"))
          .filter((resource) =>
            ingressRulesOf(resource).some((rule) => rule.hostname === host && !leadsNowhere(rule)),
          ),
        ...applications.filter((application) => placesOf(application).some((place) => place.host === host)),
      ];
      const [first] = published;
      return first === undefined || places.some(({ isWhole }) => isWhole)
        ? []
        : {
            resource: first,
            says: `${host} has ${places.length === 0 ? "no Access application" : "Access applications on paths alone"}: whatever else is asked of it, queries and reloads among them, reaches the store unchecked`,
            todo: `Declare an application whose destination is ${host}, with a Service Auth policy that lets nobody in`,
          };
    }),
};
