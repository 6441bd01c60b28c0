import { Argument, Option, type Command } from "commander";
import { wholeNumber } from "./option-values";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";
import type { VerifyCommandOptions } from "./verify";

/** Seconds; a timer of Node takes no more than 24 days. */
const day = 86_400;

export function addVerify(program: Command, onStack: OnStack): void {
  stackCommand(program, "verify", [
    "verify",
    "verify tokyo berlin-shop",
    "verify --watch --timeout 600",
    "verify --state .sitepass/prod.json --via http://127.0.0.1:8798",
  ])
    .description(
      "send real requests with the stored secrets: pushes are let in, and everything else is refused",
    )
    .addArgument(new Argument("[site...]", "names of files in sites/, without extension; default all"))
    .option("--watch", "look again until all is well", false)
    .addOption(
      new Option("--interval <seconds>", "between two looks with --watch")
        .argParser(wholeNumber(1, day))
        .default(10),
    )
    .addOption(
      new Option("--timeout <seconds>", "give up watching after this time; default never").argParser(
        wholeNumber(1),
      ),
    )
    .addOption(
      new Option("--request-timeout <seconds>", "how long one request may take")
        .argParser(wholeNumber(1, day))
        .default(10),
    )
    .addOption(
      new Option("--concurrency <n>", "requests at a time").argParser(wholeNumber(1, 256)).default(16),
    )
    .addOption(
      new Option("--via <url>", "send every request here instead of to the public host, as to a stand-in"),
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Pushes are sent without a body, so nothing is stored. Access logs the wrong secret, one for each site and signal. Exit code
1 when anything is not as it must be.`,
    )
    .action(
      async (
        sites: string[],
        options: StackOptions & Omit<VerifyCommandOptions, "sites" | "onStandIn">,
        command: Command,
      ) => {
        if (!options.watch && options.timeout !== undefined) {
          command.error("error: --timeout comes only with --watch.");
        }
        await onStack(options, async (stack, { abort: signal }) => {
          const { verify } = await import("./verify.js");
          return verify(stack, { ...options, sites, onStandIn: options.state !== undefined }, signal);
        });
      },
    );
}
