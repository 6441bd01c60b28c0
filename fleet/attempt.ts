import { problemText, UserError } from "./problem";

/** What came of something that may fail for a reason that a person can mend: the value, or the problems. */
export type Attempt<T> =
  | { readonly value: T; readonly problems: readonly [] }
  | { readonly value?: undefined; readonly problems: readonly string[] };

/** Lets other work go on after a UserError; any other error is a bug, and thrown on. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work(), problems: [] };
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    return { problems: error.problems.map(problemText) };
  }
}
