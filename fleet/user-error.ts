/**
 * Something that the person running the program can mend: wrong input, a missing permission, an exhausted quota.
 *
 * Each problem is one line of the form `<file or key>: <what is wrong, with the value>. <what to do>.`
 * All problems of a run are shown together, without a stack trace, and nothing has been changed.
 */
export class UserError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "UserError";
    this.problems = problems;
  }
}
