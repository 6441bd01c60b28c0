import type { OpenStack } from "../stack/open-stack";
import { stacksSharingSites } from "../stack/project-stacks";
import type { Terminal } from "./terminal";

/**
 * Warns, before site files are written, of the other stacks of the project that read the same files.
 *
 * @param does what their next `up` does with what is written.
 * @returns what belongs into the command's JSON document.
 */
export function warnOfOtherStacks(stack: OpenStack, terminal: Terminal, does: string): object {
  const otherStacks = stacksSharingSites(stack);
  if (otherStacks.length === 0) {
    return {};
  }
  terminal.warn({
    subject: "sites/",
    says: `is read by the ${otherStacks.length === 1 ? "stack" : "stacks"} ${otherStacks.join(", ")} too, whose next \`up\` ${does} there as well`,
    todo: "Where that is not meant, give that stack a checkout of its own",
  });
  return { otherStacks };
}
