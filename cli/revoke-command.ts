import { Argument, type Command } from "commander";
import type { RevokeOptions } from "./revoke";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";

export function addRevoke(program: Command, onStack: OnStack): void {
  stackCommand(program, "revoke", ["revoke tokyo", "revoke tokyo --immediately", "revoke --undo tokyo"])
    .description("shut sites out: token.enabled: false in their files, for `up` to carry out")
    .addArgument(new Argument("<site...>", "names of files in sites/, without extension"))
    .option("--immediately", "also disable the tokens at Cloudflare now, before the files and any up", false)
    .option("--undo", "let the sites in again, with the same secrets", false)
    .option("--dry-run", "show the lines that would change, and change nothing", false)
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
With --immediately both the files and Cloudflare are tried, whatever becomes of the other. Exit code 1 when one of them
failed; it can be run again. The tokens are kept: shutting out can be undone.`,
    )
    .action(
      async (sites: string[], options: StackOptions & Omit<RevokeOptions, "sites">, command: Command) => {
        if (options.dryRun && options.immediately) {
          command.error("error: --immediately does not go with --dry-run.");
        }
        await onStack(options, async (stack) => {
          const { revoke } = await import("./revoke.js");
          return revoke(stack, { ...options, sites });
        });
      },
    );
}
