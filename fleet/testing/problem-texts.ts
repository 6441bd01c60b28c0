import { problemsOf, problemText, type Result } from "../problem";

/** The sentences that a person would be shown; none for a success. */
export const problemTexts = (result: Result<unknown>): readonly string[] =>
  problemsOf(result).map(problemText);
