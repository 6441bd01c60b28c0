import { resolve } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { findApiCredentials } from "../../cloudflare/api-credentials";
import { openCloudflareApi } from "../../cloudflare/client";
import { parseConfig } from "../../fleet/config";
import { shardText } from "../../fleet/names";
import { attempt, distinctProblems, orThrow, UserError, type Problem } from "../../fleet/problem";
import { readTextFile, systemProblem } from "../../fleet/system-errors";
import { shardsOfProject } from "../../stack/project-stacks";
import { readStackConfig } from "../../stack/stack-config";
import { writeNewFile } from "../adopt/write-new-file";
import { chooseValues, type Ask } from "./choose-values";
import { lookAround, lookUpTeam } from "./seen-account";
import { readStackFile, withStackValues, type StackValues } from "./stack-file";

export interface InitRequest {
  /** The project's folder. */
  readonly directory: string;
  readonly stackName: string;
  /** What was given by options. */
  readonly given: StackValues;
  /** Whether what is given may take the place of what a person has filled in before. */
  readonly overwrite: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a stack's file is to become. */
export interface StackPlan {
  readonly stackName: string;
  readonly file: string;
  readonly path: string;
  readonly before: string | undefined;
  /** What changes are shown against: the file's text, or that of a new one. */
  readonly text: string;
  readonly after: string;
  readonly values: StackValues;
  /** Whether Cloudflare was asked. */
  readonly lookedUp: boolean;
  readonly warnings: readonly Problem[];
  /** Whether the project has further stacks. */
  readonly amongSeveral: boolean;
}

/** What a stack's name may be made of, by Pulumi's own words: alphanumeric, hyphens, underscores and periods. */
const stackNamePattern = /^[A-Za-z0-9_.-]{1,100}$/;

/**
 * Works out what a stack's file is to say: from what is given, from what Cloudflare shows the API token, and from what is answered.
 * Writes nothing.
 *
 * @param ask is asked for what is left, in an order in which each answer helps with the next.
 * @param lookingUp told before Cloudflare is asked, and after.
 * @throws UserError with everything that is wrong or missing.
 */
export async function planStack(
  request: InitRequest,
  ask: Ask,
  lookingUp: (isRunning: boolean) => void = () => undefined,
): Promise<StackPlan> {
  const { stackName, environment } = request;
  const directory = resolve(request.directory);
  if (!stackNamePattern.test(stackName)) {
    throw new UserError({
      subject: "--stack",
      says: `is "${stackName}", which is not a stack's name`,
      todo: "Give letters, digits and ._- alone, such as prod",
    });
  }
  const file = readStackFile(directory, stackName);
  const credentials = findApiCredentials(file.raw, environment);
  const api = credentials === undefined ? undefined : openCloudflareApi(credentials);
  const asked = async <T>(call: () => Promise<T>): Promise<T> => {
    lookingUp(true);
    try {
      return await call();
    } finally {
      lookingUp(false);
    }
  };
  const seen = api === undefined ? undefined : await asked(() => lookAround(api));
  const others = shardsOfProject(directory).filter((one) => one.stackName !== stackName);
  const valuesOfOthers = await Promise.all(
    others.map(async (one) => {
      // One that cannot be read says nothing; working on it does.
      const other = await attempt(() => readStackFile(directory, one.stackName).filledIn);
      return other.ok ? other.value : {};
    }),
  );
  const chosen = await chooseValues({
    ...request,
    file,
    others: valuesOfOthers,
    seen,
    teamOf: (accountId) =>
      api === undefined ? Promise.resolve(undefined) : asked(() => lookUpTeam(api, accountId)),
    ask,
  });
  const after = orThrow(withStackValues(file, chosen.values));
  const { values: raw } = readStackConfig(directory, stackName, {}, after);
  orThrow(parseConfig(raw));
  return {
    stackName,
    file: file.file,
    path: file.path,
    before: file.before,
    text: file.text,
    after,
    values: chosen.values,
    lookedUp: api !== undefined,
    warnings: distinctProblems([
      ...(seen?.warnings ?? []),
      ...chosen.warnings,
      ...sameShard(
        file.file,
        raw["sitepass:shard"] ?? "",
        others.filter((_, index) => valuesOfOthers[index]?.account !== undefined),
      ),
    ]),
    amongSeveral: others.length > 0,
  };
}

/** Two stacks of one shard read the same site files, and each makes a token for each. */
function sameShard(
  file: string,
  shard: string,
  others: ReturnType<typeof shardsOfProject>,
): readonly Problem[] {
  const same = others.filter((one) => one.shard === shard).map(({ stackName }) => stackName);
  return same.length === 0
    ? []
    : [
        {
          subject: file,
          says: `is ${shardText(shard)}, and so ${same.length === 1 ? "is" : "are"} ${same.join(", ")}: each of them makes a token for every site of it`,
          todo: "Where that is not meant, set sitepass:shard in one of them (docs/scale.md)",
        },
      ];
}

/**
 * Writes what was planned, whole or not at all.
 *
 * @returns whether there was anything to write.
 * @throws UserError when the file was changed meanwhile, or cannot be written.
 */
export async function writeStack({ file, path, before, after }: StackPlan): Promise<boolean> {
  const changedMeanwhile = new UserError({
    subject: file,
    says: "was changed meanwhile, and was left as it is",
    todo: "Look at it, and run this again",
  });
  if (before === after) {
    return false;
  }
  try {
    if (before === undefined) {
      if (writeNewFile(path, after) === "taken") {
        throw changedMeanwhile;
      }
      return true;
    }
    if (readTextFile(path) !== before) {
      throw changedMeanwhile;
    }
    await writeFileAtomic(path, after);
    return true;
  } catch (error) {
    const problem = error instanceof UserError ? undefined : systemProblem(error, path);
    throw problem === undefined ? error : new UserError(problem);
  }
}
