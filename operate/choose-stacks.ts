import { join } from "node:path";
import { shardText } from "../fleet/names";
import { attempt, orThrow, throwIfAny, type Problem } from "../fleet/problem";
import { readSiteFiles } from "../fleet/site-files";
import { chooseStack, shardsOfProject, stackNameIn } from "../stack/project-stacks";
import { unknownSites } from "./select-sites";

/** What a person said of the stacks, and what a command says of its sites. */
export interface StackChoice {
  /** The project's folder. */
  readonly directory: string;
  /** As `pulumi --stack` takes them; none, and without `all`, where nothing was said. */
  readonly named: readonly string[];
  /** Every stack of the project. */
  readonly all: boolean;
  /** Names of sites; none: all of each stack. */
  readonly sites: readonly string[];
  /**
   * Whether named sites say which stacks they are in, where a person does not, and what of a site that is moving, which is in two:
   * "both", its own one alone ("home"), or that a person has to say it ("told"). Undefined: a person has to say the stack of any site.
   */
  readonly sitesTell?: "both" | "home" | "told" | undefined;
  /** Set where a site's file is changed anew by each run: not for several stacks that have the same sites. */
  readonly once?: boolean | undefined;
}

/** One stack that a command works on. */
export interface ChosenStack {
  /** As `pulumi --stack` takes it. */
  readonly reference: string;
  /** Those of the named sites that are in it. */
  readonly sites: readonly string[];
}

export interface ChosenStacks {
  readonly stacks: readonly ChosenStack[];
  /** Whether what they print is put together, under a heading each: not where a person asked for one stack. */
  readonly joint: boolean;
  /** Whether another command, given the same, may work on other stacks: the sites said which. */
  readonly bySites: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The stacks that a command works on, one after the other: those that are named, or all, or those that the named sites are in where the
 * project has several shards and no stack is named by `--stack` or PULUMI_STACK; otherwise the one that `pulumi` works on.
 *
 * @throws UserError when a stack cannot be told, or a named site is in none of them.
 */
export async function chooseStacks(choice: StackChoice, environment: Environment): Promise<ChosenStacks> {
  const { directory, named, all, sites, sitesTell } = choice;
  const ofProject = shardsOfProject(directory);
  if (all && ofProject.length > 0) {
    const prefix = await prefixOfReferences(directory, environment);
    const references = ofProject.map(({ stackName }) =>
      chooseStack(directory, prefix + stackName, environment),
    );
    return { stacks: withTheirSites(references, choice), joint: true, bySites: false };
  }
  const [first, ...others] = [...new Set(named)];
  if (first !== undefined && others.length > 0) {
    const references = [first, ...others].map((name) => chooseStack(directory, name, environment));
    return { stacks: withTheirSites(references, choice), joint: true, bySites: false };
  }
  const told = first !== undefined || (environment.PULUMI_STACK ?? "") !== "";
  if (told || sites.length === 0 || sitesTell === undefined || isOneShard(ofProject)) {
    return {
      stacks: [{ reference: chooseStack(directory, first, environment), sites }],
      joint: false,
      bySites: false,
    };
  }
  const stacks = await stacksOfSites(choice, environment);
  return { stacks, joint: stacks.length > 1, bySites: true };
}

type StackOfProject = ReturnType<typeof shardsOfProject>[number];

const isOneShard = (stacks: readonly StackOfProject[]): boolean =>
  new Set(stacks.map(({ shard }) => shard)).size < 2;

/** Organization and project of the stack that is selected: those of the project's others, too, whose files do not say them. */
async function prefixOfReferences(directory: string, environment: Environment): Promise<string> {
  const selected = await attempt(() => chooseStack(directory, undefined, environment));
  const prefix = selected.ok ? selected.value.slice(0, selected.value.lastIndexOf("/") + 1) : "";
  // The one organization of a backend without a service, where a name alone is as good.
  return prefix.startsWith("organization/") ? "" : prefix;
}

/** A named site, by its file alone: the stack's defaults do not say where it is. */
interface SitePlace {
  readonly name: string;
  readonly file: string;
  /** Its own first, then the one that it is moving to. */
  readonly shards: readonly string[];
}

/** @throws UserError for site files that cannot be read, and names that are not sites. */
function placesOf({ directory, sites: names }: StackChoice): readonly SitePlace[] {
  const files = orThrow(readSiteFiles(join(directory, "sites")));
  throwIfAny(unknownSites(files, names));
  return files
    .filter(({ name }) => names.includes(name))
    .map(({ name, file, values: { shard = "", movingTo } }) => ({
      name,
      file,
      shards: [shard, ...(movingTo === undefined ? [] : [movingTo])],
    }));
}

/** Each stack with those of the named sites that are in it; without the stacks that have none of them. */
function withTheirSites(references: readonly string[], choice: StackChoice): readonly ChosenStack[] {
  const shards = new Map(shardsOfProject(choice.directory).map(({ stackName, shard }) => [stackName, shard]));
  const stacks = references.map((reference) => ({ reference, shard: shards.get(stackNameIn(reference)) }));
  if (choice.once === true) {
    throwIfAny(twiceProblems(stacks));
  }
  if (choice.sites.length === 0) {
    return references.map((reference) => ({ reference, sites: [] }));
  }
  const places = placesOf(choice).map((place) => ({ ...place, shards: actedOn(place, choice) }));
  throwIfAny(
    places
      .filter(({ shards }) => stacks.every(({ shard }) => shard !== undefined && !shards.includes(shard)))
      .map((place) => (choice.all ? unknownShardProblem(place, stacks) : notNamedProblem(place, references))),
  );
  return stacks
    .map(({ reference, shard }) => ({
      reference,
      // One whose file is not there has no shard; opening it says so.
      sites: places
        .filter(({ shards }) => shard === undefined || shards.includes(shard))
        .map(({ name }) => name),
    }))
    .filter(({ sites }) => sites.length > 0);
}

/** A site of a shard that no stack of the project is. */
function unknownShardProblem(
  { file, shards: [shard = ""] }: SitePlace,
  stacks: readonly { readonly shard: string | undefined }[],
): Problem {
  const known = [...new Set(stacks.flatMap((stack) => stack.shard ?? []))].sort().map(shardText);
  return {
    subject: file,
    says: `is in ${shardText(shard)}, which no stack of the project is (there ${known.length === 1 ? "is" : "are"} ${known.join(", ")})`,
    todo: "Correct it, or set sitepass:shard in the file of the stack that is to have it",
  };
}

/** A site that is in none of the stacks that a person named. */
const notNamedProblem = ({ name, shards }: SitePlace, references: readonly string[]): Problem => ({
  subject: name,
  says: `is in ${shards.map(shardText).join(" and ")}, which none of the stacks ${references.map(stackNameIn).join(", ")} is`,
  todo: "Name its stack with --stack, or leave --stack out",
});

const actedOn = ({ shards }: SitePlace, { sitesTell }: StackChoice): readonly string[] =>
  sitesTell === "home" ? shards.slice(0, 1) : shards;

/** What is written into site files once would be written once more for each further stack that reads the same ones. */
function twiceProblems(
  stacks: readonly { readonly reference: string; readonly shard: string | undefined }[],
): readonly Problem[] {
  const shards = [...new Set(stacks.flatMap(({ shard }) => shard ?? []))];
  return shards.flatMap((shard) => {
    const names = stacks
      .filter((stack) => stack.shard === shard)
      .map(({ reference }) => stackNameIn(reference));
    return names.length < 2
      ? []
      : [
          {
            subject: "--stack",
            says: `${names.join(", ")} are all ${shardText(shard)}, so that the same site files would be rotated once for each of them`,
            todo: "Name one of them: the next `up` of each carries out what is in the files",
          },
        ];
  });
}

/** The stacks that the named sites are in, each with those of them, in the order of the stacks' names. */
async function stacksOfSites(choice: StackChoice, environment: Environment): Promise<readonly ChosenStack[]> {
  const { directory, sitesTell } = choice;
  const stacks = shardsOfProject(directory);
  const selected = await attempt(() => chooseStack(directory, undefined, environment));
  const prefix = await prefixOfReferences(directory, environment);
  const problems: Problem[] = [];
  const sitesByStack = new Map<string, string[]>();
  for (const place of placesOf(choice)) {
    const { name } = place;
    if (place.shards.length > 1 && sitesTell === "told") {
      problems.push({
        subject: name,
        says: `is moving from ${place.shards.map(shardText).join(" to ")}, and has other credentials in each`,
        todo: "Say whose with --stack",
      });
      continue;
    }
    for (const shard of actedOn(place, choice)) {
      const ofShard = stacks.filter((stack) => stack.shard === shard).map(({ stackName }) => stackName);
      // Where several stacks are the same shard, as a test of one beside it, the selected one is meant.
      const meant = ofShard.filter((stack) => selected.ok && stack === stackNameIn(selected.value));
      const [stack, ...more] = meant.length > 0 ? meant : ofShard;
      if (stack === undefined && shard !== place.shards[0]) {
        // Where it is moving to is wrong, as `check` says; that must not keep it from being shut out where it is.
        continue;
      }
      if (stack === undefined) {
        problems.push(unknownShardProblem(place, stacks));
      } else if (more.length > 0) {
        problems.push({
          subject: name,
          says: `is in ${shardText(shard)}, which ${ofShard.join(", ")} all are`,
          todo: "Name the stack with --stack",
        });
      } else {
        sitesByStack.set(stack, [...(sitesByStack.get(stack) ?? []), name]);
      }
    }
  }
  throwIfAny(problems);
  return stacks.flatMap(({ stackName }) => {
    const sites = sitesByStack.get(stackName);
    return sites === undefined
      ? []
      : [{ reference: chooseStack(directory, prefix + stackName, environment), sites }];
  });
}
