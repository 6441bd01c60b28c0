import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Config } from "../fleet/config";
import { throwIfAny, UserError } from "../fleet/problem";
import { isInShard, type Site } from "../fleet/sites";
import { strayCharacter } from "../fleet/wording";
import { readStackConfig } from "./stack-config";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Which stack of the project a command works on, in the order in which `pulumi` itself decides: the one that is named, that
 * of PULUMI_STACK, the one that was selected with `pulumi stack select`. Without any of them it is the only one there is.
 *
 * @param directory the project's folder.
 * @returns as `pulumi --stack` takes it, so perhaps with an organization and a project in front.
 * @throws UserError when there are several and none is chosen, or none at all.
 */
export function chooseStack(directory: string, named: string | undefined, environment: Environment): string {
  refuseStrayCharacters(named, environment);
  const chosen = named ?? given(environment.PULUMI_STACK) ?? selectedStack(directory, environment);
  if (chosen !== undefined) {
    return chosen;
  }
  const stacks = projectStacks(directory);
  const [only] = stacks;
  if (only === undefined) {
    throw new UserError([
      {
        subject: resolve(directory),
        says: "has no file Pulumi.<stack>.yaml",
        todo: "Run this in the project's folder, or name the stack with --stack",
      },
    ]);
  }
  if (stacks.length > 1) {
    throw new UserError([
      {
        subject: "--stack",
        says: `is not given, no stack is selected, and the project has several (${stacks.join(", ")})`,
        todo: "Name one with --stack or PULUMI_STACK, or select one with `pulumi stack select`",
      },
    ]);
  }
  return only;
}

/** What comes from a file with other line ends, or from a text with typographic quotes, looks right wherever it is shown. */
function refuseStrayCharacters(named: string | undefined, environment: Environment): void {
  const ofStack = /[A-Za-z0-9_./-]/;
  const printable = /\P{Cc}/u;
  const values: readonly (readonly [string, string | undefined, RegExp])[] = [
    named === undefined ? ["PULUMI_STACK", environment.PULUMI_STACK, ofStack] : ["--stack", named, ofStack],
    ["PULUMI_HOME", environment.PULUMI_HOME, printable],
    ["PULUMI_CREDENTIALS_PATH", environment.PULUMI_CREDENTIALS_PATH, printable],
    ["PULUMI_BACKEND_URL", environment.PULUMI_BACKEND_URL, printable],
  ];
  throwIfAny(
    values.flatMap(([subject, value, allowed]) => {
      const stray = strayCharacter(value ?? "", allowed);
      const what = allowed === ofStack ? "no stack's name has" : "it must not have";
      return stray === undefined
        ? []
        : [{ subject, says: `${stray}, which ${what}`, todo: "Set it without that character" }];
    }),
  );
}

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

/** The name without organization and project: that of the stack's file, and in the names of what it makes. */
export const stackNameIn = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1);

/** Names of the stacks that have a file in the project's folder, in their order. */
function projectStacks(directory: string): readonly string[] {
  return existsSync(directory)
    ? readdirSync(directory)
        .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
        .sort()
    : [];
}

/**
 * Every stack that has a file in the project's folder, with the shard that it is, in the order of names. One whose file cannot
 * be read is among them, without a shard: opening it says what is wrong.
 */
export function shardsOfProject(
  directory: string,
): readonly { readonly stackName: string; readonly shard: string }[] {
  return projectStacks(directory).map((stackName) => ({
    stackName,
    shard: shardOfStack(directory, stackName),
  }));
}

function shardOfStack(directory: string, stackName: string): string {
  try {
    return readStackConfig(directory, stackName).values["sitepass:shard"] ?? "";
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    return "";
  }
}

/**
 * The other stacks of the project that are configured for this program and have some of these sites too: their next `up` reads
 * the same site files as this one's. So does that of another stack of the same shard, whatever sites there are yet.
 */
export function stacksSharingSites({
  directory,
  stackName,
  config,
  sites,
}: {
  readonly directory: string;
  readonly stackName: string;
  readonly config: Pick<Config, "shard">;
  readonly sites: readonly Pick<Site, "shard" | "movingTo">[];
}): readonly string[] {
  return shardsOfProject(directory)
    .filter(({ stackName: name, shard }) => {
      const { config: keys = {} } =
        readDocument(join(directory, `Pulumi.${name}.yaml`), stackFileSchema) ?? {};
      const shares = shard === config.shard || sites.some((site) => isInShard(site, shard));
      return name !== stackName && shares && Object.keys(keys).some((key) => key.startsWith("sitepass:"));
    })
    .map(({ stackName: name }) => name);
}

const stackFileSchema = z.looseObject({ config: z.record(z.string(), z.unknown()).optional() });

const projectSchema = z.looseObject({
  name: z.string(),
  backend: z.looseObject({ url: z.string().optional() }).nullish(),
});

const selectionSchema = z.looseObject({
  /** Of CLIs before the map was there. */
  stack: z.string().optional(),
  /** By the backend's URL. */
  stacks: z.record(z.string(), z.string()).default({}),
});

const credentialsSchema = z.looseObject({ current: z.string().optional() });

/**
 * The stack that was selected with `pulumi stack select`, where the CLI keeps it: a file for each project in its own folder,
 * named after the project and the path of its Pulumi.yaml (pulumi/pulumi 3.260.0, pkg/workspace/workspace.go, settings.go
 * and creds.go, and pkg/backend/state/stacks.go).
 */
function selectedStack(directory: string, environment: Environment): string | undefined {
  const project = readDocument(join(directory, "Pulumi.yaml"), projectSchema);
  if (project === undefined) {
    return undefined;
  }
  const home = given(environment.PULUMI_HOME) ?? join(homedir(), ".pulumi");
  const selection = projectPaths(directory, environment)
    .map((path) => `${project.name}-${createHash("sha1").update(path).digest("hex")}-workspace.json`)
    .map((file) => readDocument(join(home, "workspaces", file), selectionSchema))
    .find((found) => found !== undefined);
  if (selection === undefined) {
    return undefined;
  }
  const credentials = join(given(environment.PULUMI_CREDENTIALS_PATH) ?? home, "credentials.json");
  const backend =
    given(environment.PULUMI_BACKEND_URL) ??
    given(project.backend?.url) ??
    given(readDocument(credentials, credentialsSchema)?.current);
  const selected = Object.entries(selection.stacks);
  const ofBackend =
    backend === undefined && selected.length === 1
      ? selected[0]
      : selected.find(([url]) => withoutSlash(url) === withoutSlash(backend ?? ""));
  return given(ofBackend?.[1]) ?? given(selection.stack);
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, "");

/** Go takes the folder by the name that the shell has for it, Node by its real one. */
function projectPaths(directory: string, { PWD: shellFolder = "" }: Environment): readonly string[] {
  const real = resolve(directory);
  const fromShell = isSameFolder(shellFolder, process.cwd()) ? [resolve(shellFolder, directory)] : [];
  return [...new Set([...fromShell, real, ...(existsSync(real) ? [realpathSync(real)] : [])])].map((folder) =>
    join(folder, "Pulumi.yaml"),
  );
}

const isSameFolder = (one: string, other: string): boolean =>
  one !== "" && existsSync(one) && realpathSync(one) === realpathSync(other);

/** What a YAML or JSON file holds; undefined when it is not there, cannot be read, or holds something else. */
function readDocument<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(parse(readFileSync(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}
