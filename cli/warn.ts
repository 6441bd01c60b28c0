import pc from "picocolors";

/** Tells a person something that is not the command's result; stdout stays for that. */
export function warn(text: string): void {
  console.error(`${pc.yellow("warning:")} ${text}`);
}

/** Says what went wrong in part of a command's work, in the form in which cli/on-stack.ts says it of the whole. */
export function sayProblems(problems: readonly string[]): void {
  for (const problem of problems) {
    console.error(`${pc.red("error:")} ${problem}`);
  }
}
