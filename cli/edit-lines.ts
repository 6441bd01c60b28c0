import pc from "picocolors";
import { diffLines } from "../operate/site-file/diff-lines";
import type { SiteFileEdit } from "../operate/site-file/prepare-edits";

/** Prints the lines in which site files are to change, as `diff` would without context. */
export function showEdits(edits: readonly SiteFileEdit[]): void {
  for (const { file, before, after } of edits) {
    console.log(pc.bold(file));
    for (const { sign, text } of diffLines(new TextDecoder().decode(before), after.replace(/^\uFEFF/, ""))) {
      console.log(sign === "-" ? pc.red(`- ${text}`) : pc.green(`+ ${text}`));
    }
  }
}
