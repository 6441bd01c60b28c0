import { shardText } from "../fleet/names";
import { throwIfAny, type Problem } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { nearest } from "../fleet/wording";
import type { OpenStack } from "../stack/open-stack";
import { shardsOfProject } from "../stack/project-stacks";

/**
 * The sites of the stack that a person named, in the order of names.
 *
 * @throws UserError for every name that is not a site, with the nearest one that is, and for those of other stacks.
 */
export function selectSites(stack: SitesOfStack, names: readonly string[]): readonly Site[] {
  const { sites, elsewhere } = stack;
  throwIfAny([...unknownSites([...sites, ...elsewhere], names), ...sitesOfOtherStacks(stack, names)]);
  return sites.filter(({ name }) => names.includes(name));
}

type SitesOfStack = Pick<OpenStack, "sites" | "elsewhere" | "directory" | "stackName">;

/** What is wrong with names of sites that are other stacks', for a command that works on this one. */
export const sitesOfOtherStacks = (
  { elsewhere, directory, stackName }: Omit<SitesOfStack, "sites">,
  names: readonly string[],
): readonly Problem[] =>
  elsewhere
    .filter(({ name }) => names.includes(name))
    .map(({ name, shard }) => {
      const its = shardsOfProject(directory).filter((one) => one.shard === shard);
      return {
        subject: name,
        says: `is in ${shardText(shard)}, and the stack ${stackName} is another`,
        todo:
          its.length === 0
            ? "Correct shard in its file: no stack of the project is that one"
            : `Name its stack, with ${its.map((one) => `--stack ${one.stackName}`).join(" or ")}`,
      };
    });

/** What is wrong with names that are not sites. */
export function unknownSites(
  sites: readonly { readonly name: string }[],
  names: readonly string[],
): readonly Problem[] {
  const known = sites.map(({ name }) => name);
  return [...new Set(names)]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const close = nearest(name, known);
      const todo =
        close === undefined ? "Name a file in sites/ without its extension" : `Did you mean ${close}?`;
      return { subject: name, says: `is not a site, for there is no sites/${name}.yaml`, todo };
    });
}
