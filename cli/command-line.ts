import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { addAdopt } from "./adopt";
import { addCheck } from "./check";
import { addOutput } from "./output";
import { addRender } from "./render";
import { addRenew } from "./renew";
import { addRevoke } from "./revoke";
import { addRotate } from "./rotate";
import type { ExitCode, OnStack } from "./stack-command";
import { addStatus } from "./status";
import type { Streams } from "./terminal";
import { addVerify } from "./verify";

/** In the order in which `--help` shows them. */
const commands = [
  addCheck,
  addStatus,
  addVerify,
  addRender,
  addOutput,
  addRotate,
  addRenew,
  addRevoke,
  addAdopt,
];

/**
 * The command line. Only what `--help` needs is imported here: each command loads its own code when it runs.
 *
 * @param argv as `process.argv`.
 * @param prepareImports makes `import()` of this project's files work, where that is not so from the start.
 * @param streams where it writes; anything but the process's own is not coloured.
 * @returns the exit code.
 */
export async function run(
  argv: readonly string[],
  prepareImports: () => Promise<void>,
  streams: Streams = process,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = sitepass(async (options, work) => {
    await prepareImports();
    const { onStack } = await import("./on-stack.js");
    exitCode = await onStack(options, work, streams);
  }, streams);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    // Help and version are errors too to commander, of code 0.
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

function sitepass(onStack: OnStack, streams: Streams): Command {
  const colors = pc.createColors(streams === process && pc.isColorSupported);
  const program = new Command("sitepass")
    .description(
      "A Cloudflare Access pass for every site that pushes metrics and logs to a central Prometheus and Loki.",
    )
    .showHelpAfterError("See `sitepass --help`.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      outputError: (text, write) => {
        write(text.replace(/^error:/, colors.red("error:")));
      },
    })
    .addHelpText(
      "after",
      `
Every command reads Pulumi.<stack>.yaml and sites/ in the project's folder, and the stack's outputs from pulumi, or with
--state from a state file of local/engine.

Exit code: 0 all is well, 1 something is wrong or could not be done, 2 wrong usage, 130 stopped.`,
    );
  for (const add of commands) {
    add(program, onStack);
  }
  return program;
}
