import { Argument, Option, type Command } from "commander";
import { repeated } from "./option-values";
import { duration, graceDuration, waveSize } from "./rotate-values";
import type { ConfirmOptions } from "./rotate-confirm";
import type { RotateOptions } from "./rotate";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";

type Given = StackOptions &
  Omit<RotateOptions, "sites"> &
  Omit<ConfirmOptions, "sites" | "onStandIn"> & { readonly confirm: boolean };

export function addRotate(program: Command, onStack: OnStack): void {
  stackCommand(program, "rotate", [
    "rotate tokyo",
    "rotate tokyo --grace 3d --dry-run",
    "rotate tokyo --now",
    "rotate --all --waves 10% --older-than 90d",
    "rotate --confirm tokyo",
  ])
    .description(
      "write a new secret version into site files, for `up` to rotate with; and prove afterwards that it did",
    )
    .addArgument(new Argument("[site...]", "names of files in sites/, without extension"))
    .option(
      "--all",
      "every site that is let in; with --confirm, every one whose rotation is under way",
      false,
    )
    .addOption(
      new Option(
        "--waves <size>",
        "with --all: only the next part of the fleet, so many sites or percent, when the part before is over",
      ).argParser(waveSize),
    )
    .addOption(
      new Option(
        "--older-than <duration>",
        "with --all: only sites whose last window closed so long ago, such as 90d, or that were never rotated",
      ).argParser(duration),
    )
    .addOption(
      new Option("--grace <duration>", "how long the old secret goes on working: 1h to 30d")
        .argParser(graceDuration)
        .default(graceDuration("7d"), "7d"),
    )
    .option("--now", "for a leaked secret: the old one dies with the next up", false)
    .option("--force", "rotate although a window is open, or a site was not seen since its last one", false)
    .option(
      "--offline",
      "do not look at the stack; the rotation can then not be proven by this machine",
      false,
    )
    .option("--dry-run", "show the lines that would change, and change nothing", false)
    .option("--confirm", "after up: prove that the secret changed and that the new one is let in", false)
    .option(
      "--former <site=fingerprint>",
      "with --confirm: the fingerprint before, where the rotation was written on another machine; may be repeated",
      repeated,
      [],
    )
    .addOption(
      new Option(
        "--wait <duration>",
        "with --confirm: how long to try again while the new secret is not let in",
      )
        .argParser(duration)
        .default(0, "not at all"),
    )
    .addOption(
      new Option("--via <url>", "with --confirm: send every request here, as `sitepass verify` does"),
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
The order: rotate, \`pulumi up\` before the window is half over, rotate --confirm, render, and the files to the site.
With --waves, run it as often as you like: it does nothing while a part is under way. More in docs/rotation.md.`,
    )
    .action(async (sites: string[], options: Given, command: Command) => {
      const wrong = wrongUsage(sites, options, command);
      if (wrong !== undefined) {
        command.error(`error: ${wrong}`);
      }
      await onStack(options, async (stack, { abort: signal }) => {
        if (options.confirm) {
          const { confirmRotations } = await import("./rotate-confirm.js");
          const onStandIn = options.state !== undefined;
          return confirmRotations(stack, { ...options, sites, onStandIn }, signal);
        }
        const { rotate } = await import("./rotate.js");
        return rotate(stack, { ...options, sites }, signal);
      });
    });
}

/** Options that say nothing together. */
function wrongUsage(sites: readonly string[], options: Given, command: Command): string | undefined {
  const given = (name: string) => command.getOptionValueSource(name) === "cli";
  const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (options.all === sites.length > 0) {
    return options.all
      ? `--all comes with ${sites.join(", ")}. Name sites, or take --all, not both.`
      : "no site is named. Name sites as in `sitepass rotate tokyo`, or take --all.";
  }
  const only = (names: readonly string[], other: string, holds: boolean) =>
    names.filter((name) => given(name) && !holds).map((name) => `${flag(name)} comes only with ${other}.`)[0];
  const not = (names: readonly string[], other: string, holds: boolean) =>
    names.filter((name) => given(name) && holds).map((name) => `${flag(name)} does not go with ${other}.`)[0];
  return (
    only(["former", "wait", "via"], "--confirm", options.confirm) ??
    not(["waves", "olderThan", "grace", "now", "force", "offline", "dryRun"], "--confirm", options.confirm) ??
    only(["waves", "olderThan"], "--all", options.all) ??
    not(["grace", "waves", "olderThan"], "--now", options.now) ??
    not(["offline"], "--waves, which asks Cloudflare when sites were last seen", options.waves !== undefined)
  );
}
