import { join } from "node:path";
import { shardText } from "../../fleet/names";
import { orThrow, throwIfAny, type Problem, type Result } from "../../fleet/problem";
import { readSiteFiles, type NamedSiteFile } from "../../fleet/site-files";
import type { OpenStack } from "../../stack/open-stack";
import { unknownSites } from "../select-sites";

/** A stack of the project, as a command that looks at several of them together has it. */
export interface StackOfProject {
  readonly stackName: string;
  readonly shard: string;
  /** Of the next commands, such as ` --stack eu`. */
  readonly stackFlag: string;
  /** Opens it: configuration and sites checked. What is wrong with it does not keep the others from being looked at. */
  readonly open: () => Promise<Result<OpenStack>>;
}

/** The whole project: every stack that has a file in its folder. */
export interface ProjectFleet {
  /** The project's folder, absolute. */
  readonly directory: string;
  readonly stacks: readonly StackOfProject[];
}

/**
 * The site files of these names.
 *
 * @throws UserError for names that are not sites, and files that cannot be read.
 */
export function namedSiteFiles(
  { directory }: ProjectFleet,
  names: readonly string[],
): readonly NamedSiteFile[] {
  const files = orThrow(readSiteFiles(join(directory, "sites")));
  throwIfAny(unknownSites(files, names));
  return files.filter(({ name }) => names.includes(name));
}

export const stacksOfShard = ({ stacks }: ProjectFleet, shard: string): readonly StackOfProject[] =>
  stacks.filter((stack) => stack.shard === shard);

type StackShard = Pick<StackOfProject, "stackName" | "shard">;

const shardsOf = (stacks: readonly StackShard[]): string =>
  stacks.map((stack) => `${stack.stackName} is ${shardText(stack.shard)}`).join(", ");

/** An option that names a shard which no stack of the project is. */
export const shardOptionProblem = ({ stacks }: ProjectFleet, option: string, shard: string): Problem => ({
  subject: option,
  says: `is "${shard}", and no stack of the project is ${shardText(shard)} (${shardsOf(stacks)})`,
  todo: "Name the shard of one of them, or make a stack with that sitepass:shard first",
});

/** A site file in which a key says a shard that no stack of the project is. */
export const shardInFileProblem = (
  stacks: readonly StackShard[],
  file: string,
  key: "shard" | "movingTo",
  shard: string,
): Problem => ({
  subject: file,
  says: `${shard === "" ? `says no ${key}` : `${key} is ${shard}`}, and no stack of the project is ${shardText(shard)} (${shardsOf(stacks)})`,
  // No nearest one: all of two letters are near each other, and the wrong one would be another account.
  todo: `Give it the shard of one of them${shard === "" ? "" : `, or make a stack whose sitepass:shard is ${shard}`}`,
});
