import { groupsOf, reusablePolicies, type Pushes } from "./pushes";
import { isKind, type StackResource } from "./resources";

/** The tokens of the stack that a push application lets in. */
export function pushTokens(pushes: Pushes, resources: readonly StackResource[]): readonly StackResource[] {
  const admitted = new Set(
    resources
      .filter((resource) => pushes.isPushApplication(resource))
      .flatMap((application) => tokensOf(application, resources))
      .map(({ urn }) => urn),
  );
  return resources.filter(({ urn }) => admitted.has(urn));
}

/** The tokens that an application lets in, by its own policies, the reusable ones and their groups. */
export const tokensOf = (
  application: StackResource,
  resources: readonly StackResource[],
): readonly StackResource[] =>
  [
    ...application.sourcesOf("policies"),
    ...[...reusablePolicies(application, resources), ...groupsOf(application, resources)].flatMap((one) =>
      one.sourcesOf("includes"),
    ),
  ].filter((resource) => isKind(resource, "token"));
