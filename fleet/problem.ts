/**
 * Something wrong that a person can put right: wrong input, a missing permission, an exhausted quota.
 *
 * The one sentence that is shown is joined from it by problemText and nowhere else.
 */
export interface Problem {
  /** What it is about: a file, a key, a variable or an option, such as `sites/tokyo.yaml` or `sitepass:zone`. */
  readonly subject: string;
  /** What is wrong, as a predicate with the value and without a full stop: `is "x", which is not a zone name`. */
  readonly says: string;
  /** What to do, as one sentence or more, without the last full stop. */
  readonly todo: string;
}

/** What came of something that can fail for reasons that a person can put right. */
export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

export const success = <T>(value: T): Result<T> => ({ ok: true, value });

export const failure = (...problems: readonly Problem[]): Result<never> => ({ ok: false, problems });

/** The problems of a result; none when it is a success. */
export const problemsOf = (result: Result<unknown>): readonly Problem[] => (result.ok ? [] : result.problems);

/**
 * The value of a result.
 *
 * @throws UserError with its problems.
 */
export function orThrow<T>(result: Result<T>): T {
  if (!result.ok) {
    throw new UserError(result.problems);
  }
  return result.value;
}

/** `<subject>: <what is wrong>. <what to do>.` */
export function problemText({ subject, says, todo }: Problem): string {
  const end = /[.?!]$/.test(todo) ? "" : ".";
  return `${subject}: ${says}. ${todo}${end}`;
}

/**
 * Ends what a program does because of what a person can put right. All problems of a run are shown together, without a
 * stack trace, and nothing has been changed.
 */
export class UserError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: Problem | readonly Problem[]) {
    const all = [problems].flat();
    super(all.map(problemText).join("\n"));
    this.name = "UserError";
    this.problems = all;
  }
}

/** Each problem once: one cause may keep several things from being done. */
export const distinctProblems = (problems: readonly Problem[]): Problem[] => [
  ...new Map(problems.map((problem) => [problemText(problem), problem])).values(),
];

/** @throws UserError with all of these problems, when there are any. */
export function throwIfAny(problems: readonly Problem[]): void {
  if (problems.length > 0) {
    throw new UserError(problems);
  }
}

/** Runs a piece of work and turns a UserError into a result; any other error is a bug, and thrown on. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<Result<T>> {
  try {
    return success(await work());
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    return failure(...error.problems);
  }
}
