import { InvalidArgumentError, Option, type Command } from "commander";
import type { AdoptionOptions } from "../operate/adopt/adopt-fleet";
import type { OpenStack } from "../stack/open-stack";
import { graceDuration, repeated } from "./option-values";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "./stack-command";

interface AdoptOptions extends AdoptionOptions {
  readonly json: boolean;
}

export function addAdopt(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "adopt",
    [
      "adopt --dry-run",
      "adopt --rotate 14d",
      'adopt --match "site-*" --skip "site-test"',
      'adopt --site "Tokyo rack A=tokyo" --site "Tokyo rack B=tokyo-b"',
    ],
    "one",
  )
    .description(
      "bring a fleet that was made by hand into the stack: write the site files that are missing, and the file for `pulumi import`; changes nothing in Cloudflare",
    )
    .option(
      "--match <glob>",
      "take the service tokens with such names, in place of those that may push today; may be repeated",
      repeated,
      [],
    )
    .option(
      "--site <token=site>",
      "take this token, by name or ID, as that site; may be repeated",
      repeated,
      [],
    )
    .option("--skip <token>", "leave this token alone, by name or ID; may be repeated", repeated, [])
    .addOption(
      new Option(
        "--rotate [grace]",
        "write new site files so that the first up makes new secrets, as the old ones cannot be read; those work on for this long",
      )
        .preset("7d")
        .argParser(grace),
    )
    .option(
      "--out <file>",
      "the file for `pulumi import`; default adopt.<stack>.json in the project's folder",
    )
    .option("--accept-losses", "go on although what works today will stop with the next up", false)
    .option("--dry-run", "say what would be written, and write nothing", false)
    .option("--json", "print one JSON document", false)
    .action((options: StackOptions & AdoptOptions) =>
      onStack({ ...options, emptyFleet: "allowed", neverUp: "allowed" }, (stack, run) =>
        adopt(stack, options, run),
      ),
    );
}

/** Milliseconds, between the same bounds as for `rotate`. */
function grace(text: string): number {
  try {
    return graceDuration(text);
  } catch {
    throw new InvalidArgumentError("Give 1h to 30d, such as 7d or 12h.");
  }
}

async function adopt(stack: OpenStack, options: AdoptOptions, { terminal, abort }: Run): Promise<ExitCode> {
  const [{ adoptFleet }, { adoptionDocument, showAdoption }] = await Promise.all([
    import("../operate/adopt/adopt-fleet.js"),
    import("./adoption-report.js"),
  ]);
  const { warnOfOtherStacks } = await import("./on-stack.js");
  const others = warnOfOtherStacks(stack, terminal, "makes the sites that are written");
  const result = await adoptFleet(stack, options, abort);
  if (abort.aborted) {
    return 130;
  }
  if (options.json) {
    terminal.print(JSON.stringify({ ...adoptionDocument(result, options.dryRun), ...others }, undefined, 2));
  } else {
    showAdoption(result, { ...options, stackName: stack.stackName }, terminal);
  }
  return result.refusals.length > 0 || result.files.some(({ outcome }) => outcome === "taken") ? 1 : 0;
}
