import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, parse } from "node:path";
import type { Argument, Command, Option } from "commander";
import { collectorNames } from "../../fleet/collector-names";
import { dnsLabelProblem, shardProblem } from "../../fleet/names";
import { signalNames } from "../../fleet/signals";

/** What a shell may complete a word with. */
export type Completion =
  /** By its own means. */
  { readonly kind: "files" | "folders" } | { readonly kind: "words"; readonly words: readonly Candidate[] };

export interface Candidate {
  readonly word: string;
  /** What it does, for shells that show it; empty where the word says it. */
  readonly about: string;
}

/**
 * What the last word can be. Whatever stands in the project's folder: only what can be the name of a site, a stack or a shard is
 * ever given to a shell, so that none of it has a meaning there.
 *
 * @param typed what stands behind `sitepass`, as the shell splits it: quotes may still be in it. The last word is the one that is
 * completed, and may be empty.
 */
export function completionOf(program: Command, typed: readonly string[]): Completion {
  const words = typed.map(unquoted);
  const current = words.at(-1) ?? "";
  const { command, given, options, option, onlyArguments } = readWords(program, words.slice(0, -1));
  const folder = withHome(options.get("--cwd")?.at(-1) ?? ".");
  if (option !== undefined && (option.required || !current.startsWith("-"))) {
    return startingWith(current, valuesOf(option, current, folder));
  }
  const [, name, start] = /^(--[a-z-]+)=(.*)$/s.exec(current) ?? [];
  if (!onlyArguments && name !== undefined && start !== undefined) {
    const named = optionOf(command, name);
    const values = named === undefined ? noWords : startingWith(start, valuesOf(named, start, folder));
    return values.kind === "words"
      ? wordsOf(values.words.map(({ word, about }) => ({ word: `${name}=${word}`, about })))
      : values;
  }
  if (!onlyArguments && current.startsWith("-")) {
    const known = command.createHelp().visibleOptions(command);
    const left = known.filter(({ long }) => !options.has(long ?? "") || isRepeatable(long));
    return startingWith(
      current,
      wordsOf(left.map(({ long, description }) => ({ word: long ?? "", about: firstPart(description) }))),
    );
  }
  const argument = command.registeredArguments[given.length] ?? lastOf(command.registeredArguments);
  const values = argument === undefined ? noWords : valuesOf(argument, current, folder);
  const subcommands = given.length > 0 || onlyArguments ? [] : command.createHelp().visibleCommands(command);
  return values.kind === "words"
    ? startingWith(
        current,
        wordsOf([
          ...subcommands.map((one) => ({ word: one.name(), about: firstPart(one.description()) })),
          ...values.words.filter(({ word }) => !given.includes(word)),
        ]),
      )
    : values;
}

interface Read {
  readonly command: Command;
  /** Arguments of the command. */
  readonly given: readonly string[];
  /** By their long names, with the values that they were given. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** The one whose value is next. */
  readonly option: Option | undefined;
  /** Whether `--` stands before. */
  readonly onlyArguments: boolean;
}

function readWords(program: Command, words: readonly string[]): Read {
  const options = new Map<string, string[]>();
  const given: string[] = [];
  let command = program;
  let option: Option | undefined;
  let onlyArguments = false;
  for (const word of words) {
    const subcommand = command.commands.find((one) => one.name() === word);
    if (option !== undefined && (option.required || !word.startsWith("-"))) {
      options.get(option.long ?? "")?.push(word);
      option = undefined;
    } else if (!onlyArguments && word === "--") {
      onlyArguments = true;
    } else if (!onlyArguments && word.startsWith("-")) {
      const [name = "", value] = word.split("=", 2);
      const named = optionOf(command, name);
      const values = options.get(named?.long ?? name) ?? [];
      options.set(named?.long ?? name, value === undefined ? values : [...values, value]);
      option =
        value === undefined && (named?.required === true || named?.optional === true) ? named : undefined;
    } else if (!onlyArguments && given.length === 0 && subcommand !== undefined) {
      command = subcommand;
    } else {
      given.push(word);
    }
  }
  return { command, given, options, option, onlyArguments };
}

const optionOf = (command: Command, name: string): Option | undefined =>
  command.options.find(({ long, short }) => name === long || name === short);

const lastOf = (args: readonly Argument[]): Argument | undefined => {
  const last = args.at(-1);
  return last?.variadic === true ? last : undefined;
};

/** Options that say the same in every command; they may be given more than once. */
const isRepeatable = (long: string | undefined): boolean =>
  ["--stack", "--label", "--site", "--skip"].includes(long ?? "");

/** What an option or an argument can be. */
function valuesOf(of: Option | Argument, current: string, folder: string): Completion {
  if (of.argChoices !== undefined) {
    return plainWords(of.argChoices);
  }
  const isOption = "flags" in of;
  const long = isOption ? (of.long ?? "") : "";
  const placeholder = isOption ? (/[<[]([^>\]]+)[>\]]/.exec(of.flags)?.[1] ?? "") : of.name();
  switch (long) {
    case "--stack":
      return plainWords(stacksIn(folder));
    case "--shard":
      return plainWords(shardsIn(folder));
    case "--collector":
      return plainWords(collectorNames);
    case "--signals": {
      const before = current.split(",").slice(0, -1);
      const left = signalNames.filter((signal) => !before.includes(signal));
      return plainWords(left.map((signal) => [...before, signal].join(",")));
    }
    default:
  }
  switch (placeholder) {
    case "dir":
      return { kind: "folders" };
    case "file":
    case "command":
      return { kind: "files" };
    case "shard":
      return plainWords(shardsIn(folder));
    case "site":
      return plainWords(sitesIn(folder));
    default:
      return noWords;
  }
}

const wordsOf = (words: readonly Candidate[]): Completion => ({ kind: "words", words });

const plainWords = (words: readonly string[]): Completion =>
  wordsOf(words.map((word) => ({ word, about: "" })));

const noWords = plainWords([]);

function startingWith(start: string, completion: Completion): Completion {
  return completion.kind === "words"
    ? wordsOf(completion.words.filter(({ word }) => word.startsWith(start)))
    : completion;
}

/** A list of everything fits on no line: what stands before the first comma, colon or bracket tells them apart. */
function firstPart(description: string): string {
  const part = description.split(/[;:(\n]|, (?=which|such)/, 1)[0]?.trim() ?? "";
  return part.length > 70 ? `${part.slice(0, 69).trimEnd()}…` : part;
}

const entriesOf = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    // Without the folder there is nothing to complete; the command itself says what is wrong.
    return [];
  }
};

/** By their files' names alone: what is in them does not matter. */
const sitesIn = (folder: string): readonly string[] =>
  entriesOf(join(folder, "sites"))
    .filter((entry) => /\.ya?ml$/.test(entry))
    .map((entry) => parse(entry).name)
    .filter((name) => dnsLabelProblem(name) === undefined);

const stacksIn = (folder: string): readonly string[] =>
  entriesOf(folder).flatMap((entry) => /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/.exec(entry)?.[1] ?? []);

/** Read from the stacks' files without a YAML parser, which would take as long again as all else. */
function shardsIn(folder: string): readonly string[] {
  const shards = stacksIn(folder).flatMap((stack) => {
    try {
      const text = readFileSync(join(folder, `Pulumi.${stack}.yaml`), "utf8");
      return /^[ \t]+["']?sitepass:shard["']?:[ \t]*["']?([a-z0-9-]+)/m.exec(text)?.[1] ?? [];
    } catch {
      return [];
    }
  });
  return [...new Set(shards)].filter((shard) => shardProblem(shard) === undefined).sort();
}

/** Shells hand words over as they are typed. */
const unquoted = (word: string): string => word.replace(/\\(.)/gs, "$1").replace(/["']/g, "");

const withHome = (folder: string): string => folder.replace(/^~(?=\/|$)/, homedir());
