import { Argument, Option, type Command } from "commander";
import type { RenewOptions } from "./renew";
import { duration } from "./rotate-values";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";

export function addRenew(program: Command, onStack: OnStack): void {
  stackCommand(program, "renew", ["renew tokyo", "renew --within 60d", "renew --all --json"])
    .description("push out by a year when service tokens expire, without a new secret")
    .addArgument(new Argument("[site...]", "names of files in sites/, without extension"))
    .option("--all", "every site that is let in", false)
    .addOption(
      new Option(
        "--within <duration>",
        "only tokens that expire in this time, such as 60d; without names, of every site",
      ).argParser(duration),
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Each renewal adds a year, so what runs regularly takes --within. Exit code 1 when a token does not last longer afterwards.`,
    )
    .action(
      async (sites: string[], options: StackOptions & Omit<RenewOptions, "sites">, command: Command) => {
        if (options.all && sites.length > 0) {
          command.error(`error: --all comes with ${sites.join(", ")}. Name sites, or take --all, not both.`);
        }
        if (!options.all && sites.length === 0 && options.within === undefined) {
          command.error(
            "error: no site is named. Name sites as in `sitepass renew tokyo`, or take --all or --within.",
          );
        }
        await onStack(options, async (stack, { abort: signal }) => {
          const { renew } = await import("./renew.js");
          return renew(stack, { ...options, sites }, signal);
        });
      },
    );
}
