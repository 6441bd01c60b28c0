import type { Terminal } from "../terminal";

/** Prints the commands that come next, and what each does. */
export function printNext(
  { colors, print }: Terminal,
  steps: readonly (readonly [command: string, says: string])[],
): void {
  if (steps.length === 0) {
    return;
  }
  const width = Math.max(...steps.map(([command]) => command.length));
  print(`\n${colors.bold("Next:")}`);
  for (const [command, says] of steps) {
    print(`  ${command.padEnd(width)}  ${says}`);
  }
}
