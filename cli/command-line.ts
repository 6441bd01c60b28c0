import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { version } from "../package.json";
import { problemText } from "../fleet/problem";
import { isSystemError, systemReason, systemRemedy } from "../fleet/system-errors";
import { addAdopt } from "./adopt";
import { addCentral } from "./central/central";
import { addCheck } from "./check";
import { addOutput } from "./output";
import { addRender } from "./render";
import { addRenew } from "./renew";
import { addRevoke } from "./revoke";
import { addRotate } from "./rotate";
import { addAdd } from "./project/add";
import { addCompletion } from "./project/completion";
import { addForgetTunnel } from "./project/forget-tunnel";
import { addInit } from "./project/init";
import { addMove } from "./shards/move";
import { addSplit } from "./shards/split";
import { failureDocument, type ExitCode, type OnFolder, type OnProject, type OnStack } from "./stack-command";
import { addStatus } from "./status";
import type { Streams } from "./terminal";
import { addVerify } from "./verify";

/** In the order in which `--help` shows them. */
const commands: readonly ((
  program: Command,
  onStack: OnStack,
  onProject: OnProject,
  onFolder: OnFolder,
) => void)[] = [
  addInit,
  addAdd,
  addCheck,
  addStatus,
  addVerify,
  addRender,
  addCentral,
  addOutput,
  addRotate,
  addRenew,
  addRevoke,
  addMove,
  addSplit,
  addAdopt,
  addForgetTunnel,
  addCompletion,
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
  const writing = watchWriting(streams);
  let exitCode: ExitCode = 0;
  const program = sitepass(
    async (options, work) => {
      await prepareImports();
      const { onStack } = await import("./on-stack.js");
      exitCode = await onStack(options, work, streams, writing.unread);
    },
    async (options, work) => {
      await prepareImports();
      const { onProject } = await import("./on-stack.js");
      exitCode = await onProject(options, work, streams, writing.unread);
    },
    async (options, work) => {
      await prepareImports();
      const { onFolder } = await import("./on-stack.js");
      exitCode = await onFolder(options, work, streams, writing.unread);
    },
    streams,
  );
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    // Help and version are errors too to commander, of code 0.
    exitCode = error.exitCode === 0 ? 0 : 2;
    if (exitCode !== 0 && argv.includes("--json")) {
      const says = error.message.replace(/^error: /, "").replace(/\.$/, "");
      const wrong = { subject: "usage", says, todo: "See `sitepass --help`" };
      streams.stdout.write(`${failureDocument([wrong])}\n`);
    }
  }
  return writing.end(exitCode);
}

function sitepass(onStack: OnStack, onProject: OnProject, onFolder: OnFolder, streams: Streams): Command {
  const colors = pc.createColors(streams === process && pc.isColorSupported);
  const program = new Command("sitepass")
    .description(
      "A Cloudflare Access pass for every site that pushes metrics and logs to a central Prometheus and Loki.",
    )
    .version(version)
    .hook("preAction", (_program, command) => {
      const empty = emptyValues(command);
      if (empty.length > 0) {
        command.error(`error: ${empty.join(" and ")}: is empty. Give a value, or leave it out.`);
      }
    })
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
Every command reads Pulumi.<stack>.yaml and sites/ in the project's folder, and, but for init and add, the stack's outputs
from pulumi, or with --state from a state file of local/engine.

With --all-stacks or several --stack, they work on one stack after the other, whatever becomes of the others; named sites say
the stacks that they are in. With --json it is then one document, { "stacks": [{ "stack": "eu", ... }] }.

With --json, standard output is one JSON document, whatever happens: when nothing came of the command,
{ "ok": false, "problems": [...] }.

Exit code: 0 all is well, 1 something is wrong or could not be done, 2 wrong usage, 130 stopped; of several stacks the worst.`,
    );
  for (const add of commands) {
    add(program, onStack, onProject, onFolder);
  }
  return program;
}

/** What was given as an empty text, most often by a variable of the shell that is not set. */
function emptyValues(command: Command): string[] {
  const isEmpty = (value: unknown) =>
    [value].flat().some((one) => typeof one === "string" && one.trim() === "");
  return [
    ...command.registeredArguments
      .map((argument, index) => ({ name: argument.name(), value: command.processedArgs[index] as unknown }))
      // What `output --exec` runs may well have empty arguments.
      .filter(({ name, value }) => (name === "site" || name === "name") && isEmpty(value))
      .map(({ name }) => `<${name}>`),
    ...command.options
      .filter((option) => isEmpty(command.getOptionValue(option.attributeName())))
      .map(({ long, short }) => long ?? short ?? ""),
  ];
}

/** What became of writing; see watchWriting. */
interface Writing {
  /** Aborted when nobody reads the result any more, as in `sitepass verify --watch | head`. */
  readonly unread: AbortSignal;
  /**
   * Waits until everything is written, and says what could not be.
   *
   * @returns the exit code: 1 in place of 0 where the result did not arrive.
   */
  readonly end: (exitCode: number) => Promise<number>;
}

/**
 * Keeps the end of a pipe or a full disk from ending a command midway: one that changes something goes on to its end. Without
 * a listener, Node ends the process with a stack trace.
 */
function watchWriting({ stdout, stderr }: Streams): Writing {
  const unread = new AbortController();
  let failure: unknown;
  const failed = (error: unknown) => {
    failure ??= error;
    unread.abort();
  };
  const ignored = () => undefined;
  stdout.on("error", failed);
  // There is nowhere left to say it.
  stderr.on("error", ignored);
  return {
    unread: unread.signal,
    end: async (exitCode) => {
      await new Promise<void>((resolve) => {
        stdout.write("", () => {
          resolve();
        });
      });
      // The event of a failed write comes after the write's own callback.
      await new Promise((resolve) => setImmediate(resolve));
      if (stdout !== process.stdout) {
        stdout.off("error", failed);
        stderr.off("error", ignored);
      }
      if (failure === undefined) {
        return exitCode;
      }
      // Whoever closed the pipe knows it.
      if (!isSystemError(failure, "EPIPE")) {
        const todo = systemRemedy(failure, "Send it elsewhere");
        const says = `cannot be written (${systemReason(failure)})`;
        stderr.write(`error: ${problemText({ subject: "stdout", says, todo })}\n`);
      }
      return exitCode === 0 ? 1 : exitCode;
    },
  };
}
