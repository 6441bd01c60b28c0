import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, parse, resolve } from "node:path";
import { parseConfig } from "../../fleet/config";
import { dnsLabelProblem, shardText } from "../../fleet/names";
import { newSiteText } from "../../fleet/new-site-text";
import {
  attempt,
  distinctProblems,
  orThrow,
  problemsOf,
  success,
  throwIfAny,
  UserError,
  type Problem,
} from "../../fleet/problem";
import { checkSite, parseSite, readSiteFiles, type NamedSiteFile } from "../../fleet/site-files";
import { isInShard, resolveSites, siteProblems } from "../../fleet/sites";
import { systemProblem } from "../../fleet/system-errors";
import { readStackConfig } from "../../stack/stack-config";
import { shardsOfProject } from "../../stack/project-stacks";
import { writeNewFile } from "../adopt/write-new-file";

/** What is known of new sites when they are added, as it was typed. */
export interface NewSites {
  /** The project's folder. */
  readonly directory: string;
  readonly names: readonly string[];
  readonly description?: string;
  readonly collector?: string;
  readonly relay?: string;
  readonly signals?: readonly string[];
  /** Each as in `region=apac`. */
  readonly label: readonly string[];
  readonly shard?: string;
  readonly proxy?: string;
  /** Of their tokens. */
  readonly duration?: string;
}

/** The option that a key of a site file is given by, where it has another name. */
const optionOf: Readonly<Record<string, string>> = { labels: "--label", "token.duration": "--duration" };

export interface AddedSites {
  readonly sites: readonly { readonly name: string; readonly file: string }[];
  /** Empty for the one without a name. */
  readonly shard: string;
  /** The stacks that declare them with their next `up`; none before there is any. */
  readonly stacks: readonly string[];
  /** Whether the project has further stacks. */
  readonly amongSeveral: boolean;
  readonly warnings: readonly Problem[];
}

type ProjectStacks = ReturnType<typeof shardsOfProject>;

/**
 * Writes a file for each new site, with every key that a site file may have. All of them or none, and never over a file that is
 * there. Nothing is asked of Pulumi or Cloudflare.
 *
 * @throws UserError with everything that is wrong with the names, the values and the fleet that would come of them.
 */
export async function addSites(wanted: NewSites): Promise<AddedSites> {
  const directory = resolve(wanted.directory);
  const folder = join(directory, "sites");
  throwIfAny(projectProblems(directory));
  const stacks = shardsOfProject(directory);
  const shard = shardOf(wanted, stacks);
  const values = valuesOf(wanted, shard.value);
  const there = existsSync(folder) ? readSiteFiles(folder) : success([]);
  throwIfAny([
    ...nameProblems(wanted.names, folder),
    ...shard.problems,
    ...labelProblems(wanted.label),
    ...problemsOf(checkSite(values)).map(optionProblem),
    ...problemsOf(there),
  ]);
  const text = newSiteText(values);
  const added = wanted.names.map((name) => {
    const file = `sites/${name}.yaml`;
    return { name, file, values: orThrow(parseSite(text, file)) };
  });
  const ofShard = stacks.filter((one) => one.shard === shard.value);
  const warnings = await fleetWarnings(directory, [...orThrow(there), ...added], ofShard);
  writeAll(
    directory,
    folder,
    added.map(({ file }) => ({ file, text })),
  );
  return {
    sites: added.map(({ name, file }) => ({ name, file })),
    shard: shard.value,
    stacks: ofShard.map(({ stackName }) => stackName),
    amongSeveral: stacks.length > 1,
    warnings,
  };
}

/** A new folder `sites/` anywhere else would be one that nobody reads. */
function projectProblems(directory: string): readonly Problem[] {
  return existsSync(join(directory, "Pulumi.yaml"))
    ? []
    : [
        {
          subject: join(directory, "Pulumi.yaml"),
          says: "is not there, so that this is not a project's folder",
          todo: "Run this in the project's folder, or name it with --cwd",
        },
      ];
}

function nameProblems(names: readonly string[], folder: string): readonly Problem[] {
  return [...new Set(names)].flatMap((name) => {
    const problems: Problem[] = [];
    const wrong = dnsLabelProblem(name);
    const valid = nearestName(name);
    if (wrong !== undefined) {
      const todo =
        valid === undefined || filesOf(valid, folder).length > 0
          ? "Give the name that its file is to have, such as tokyo"
          : `Take ${valid}`;
      problems.push({ subject: JSON.stringify(name), says: wrong, todo });
    }
    const same = filesOf(name, folder);
    if (same.length > 0) {
      problems.push({
        subject: name,
        says: `is a site already (${same.join(" and ")})`,
        todo: "Edit its file, or take another name",
      });
    }
    if (names.filter((one) => one === name).length > 1) {
      problems.push({ subject: name, says: "is named twice", todo: "Name it once" });
    }
    return problems;
  });
}

/** The site files of a name; lower and upper case are one name to some file systems, and to people. */
const filesOf = (name: string, folder: string): readonly string[] =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((entry) => /\.ya?ml$/i.test(entry) && parse(entry).name.toLowerCase() === name.toLowerCase())
    .map((entry) => `sites/${entry}`);

/** What was probably meant: `Tokyo Rack_A` is tokyo-rack-a. */
function nearestName(name: string): string | undefined {
  const label = name
    .replace(/\.ya?ml$/i, "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return dnsLabelProblem(label) === undefined ? label : undefined;
}

/**
 * The shard that the sites are in. Where it is not said: the one without a name where a stack is that, else the only one that there
 * is. Among several with names nothing is guessed: in the wrong one a site has a token of the wrong account.
 */
function shardOf(
  { shard, names }: NewSites,
  stacks: ProjectStacks,
): { readonly value: string; readonly problems: readonly Problem[] } {
  const shards = [...new Set(stacks.map(({ shard }) => shard))].sort();
  const there = stacks.map((one) => `${one.stackName} is ${shardText(one.shard)}`).join(", ");
  const todo = `Name one of them with --shard; \`npx sitepass check --place ${nearestName(names[0] ?? "") ?? "NAME"}\` says which has most room`;
  if (shard !== undefined) {
    const known = stacks.length === 0 || shards.includes(shard);
    const says = `is "${shard}", and no stack of the project is ${shardText(shard)} (${there})`;
    return { value: shard, problems: known ? [] : [{ subject: "--shard", says, todo }] };
  }
  const [only, ...others] = shards;
  if (only === undefined || shards.includes("")) {
    return { value: "", problems: [] };
  }
  return others.length === 0
    ? { value: only, problems: [] }
    : {
        value: "",
        problems: [
          { subject: "--shard", says: `is not given, and the project has several shards (${there})`, todo },
        ],
      };
}

/** As a site file holds them; not checked. */
function valuesOf(
  { description, collector, relay, signals, label, proxy, duration }: NewSites,
  shard: string,
): Readonly<Record<string, unknown>> {
  const labels = label.filter((one) => one.includes("=")).map(splitLabel);
  return {
    ...(description === undefined ? {} : { description }),
    ...(signals === undefined ? {} : { signals }),
    ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(duration === undefined ? {} : { token: { duration } }),
    ...(collector === undefined ? {} : { collector }),
    ...(relay === undefined ? {} : { relay }),
    ...(shard === "" ? {} : { shard }),
  };
}

function splitLabel(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function labelProblems(labels: readonly string[]): readonly Problem[] {
  const names = labels.map((label) => splitLabel(label)[0]);
  return [
    ...labels
      .filter((label) => !label.includes("="))
      .map((label) => ({
        subject: "--label",
        says: `is "${label}", which has no value`,
        todo: "Write it as in region=apac",
      })),
    ...[...new Set(names)]
      .filter((name) => names.filter((one) => one === name).length > 1)
      .map((name) => ({ subject: "--label", says: `gives ${name} twice`, todo: "Give it once" })),
  ];
}

/** What is wrong with a value, said of the option that it was given by. */
function optionProblem({ subject, says, todo }: Problem): Problem {
  // Which of several values it is, the value itself tells.
  const [key = "", ...inner] = subject.split(".").filter((part) => !/^\d+$/.test(part));
  const exact = optionOf[subject];
  return exact === undefined && inner.length > 0
    ? { subject: optionOf[key] ?? `--${key}`, says: `${inner.join(".")} ${says}`, todo }
    : { subject: exact ?? `--${key}`, says, todo };
}

/**
 * Checks the whole fleet with the new files as each stack would that they are in.
 *
 * @returns why that could not be done: before the stack is configured, sites may be added all the same.
 * @throws UserError with what is wrong.
 */
async function fleetWarnings(
  directory: string,
  files: readonly NamedSiteFile[],
  stacks: ProjectStacks,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const { stackName, shard } of stacks) {
    const config = await attempt(() => orThrow(parseConfig(readStackConfig(directory, stackName).values)));
    if (config.ok) {
      const all = resolveSites(files, config.value);
      const [here, elsewhere] = [true, false].map((inIt) =>
        all.filter((site) => isInShard(site, shard) === inIt),
      );
      problems.push(...siteProblems(here ?? [], config.value, elsewhere));
    } else {
      warnings.push({
        subject: `Pulumi.${stackName}.yaml`,
        says: "is not valid yet, so that nothing was checked against it",
        todo: "Run `npx sitepass check --offline` to see what is wrong with it",
      });
    }
  }
  throwIfAny(distinctProblems(problems));
  return warnings;
}

/** @throws UserError when one of them cannot be written; none is there then. */
function writeAll(
  directory: string,
  folder: string,
  files: readonly { readonly file: string; readonly text: string }[],
): void {
  const written: string[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const { file, text } of files) {
      const path = join(directory, file);
      if (writeNewFile(path, text) !== "written") {
        throw new UserError({
          subject: file,
          says: "has appeared meanwhile",
          todo: "Look at it, and run this again for the other sites",
        });
      }
      written.push(path);
    }
  } catch (error) {
    for (const path of written) {
      rmSync(path, { force: true });
    }
    const problem = error instanceof UserError ? undefined : systemProblem(error, folder);
    throw problem === undefined ? error : new UserError(problem);
  }
}
