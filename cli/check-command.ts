import { problemText } from "../fleet/problem";
import type { Command } from "commander";
import type { CheckOptions } from "./check";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";

export function addCheck(program: Command, onStack: OnStack): void {
  stackCommand(program, "check", ["check", "check --offline", "check --reads-only --json"])
    .description(
      "say before `up` what is wrong with configuration and sites, and what in Cloudflare it would stumble over",
    )
    .option("--offline", "look at configuration and sites alone; needs no API token", false)
    .option(
      "--reads-only",
      "ask for no permission to write, which is done with changes that can change nothing",
      false,
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Changes nothing. Exit code 1 with a problem, which up would stop at or pushes would be lost by; 0 with warnings alone.`,
    )
    .action(async (options: StackOptions & CheckOptions) => {
      await onStack(
        {
          ...options,
          refused: async (problems) => {
            const { showRefusal } = await import("./check.js");
            return showRefusal(problems.map(problemText), options);
          },
        },
        async (stack) => {
          const { check } = await import("./check.js");
          return check(stack, options);
        },
      );
    });
}
