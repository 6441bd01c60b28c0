import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import pc from "picocolors";
import { problemText, type Problem } from "../fleet/problem";

/** Where the command line writes: the process itself, or what a test gives. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Where a person is asked. */
export interface Dialog {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/**
 * Where a command prints. It is handed to every command, so that tests read what is printed without touching the
 * process's own streams.
 */
export interface Terminal {
  readonly colors: ReturnType<typeof pc.createColors>;
  /** The command's result goes to standard output, which programs may read: this and nothing else. */
  readonly stdout: Streams["stdout"];
  /** Undefined in pipes and scripts, where nobody would answer. Questions go to standard error: they are no result. */
  readonly dialog: Dialog | undefined;
  /** Prints lines of the result. */
  readonly print: (text: string) => void;
  readonly hasPrinted: () => boolean;
  /** Tells a person something that is not the result, on standard error, like the next two. */
  readonly note: (text: string) => void;
  readonly warn: (warning: Problem | string) => void;
  /** Says what is wrong, a line for each problem. */
  readonly sayProblems: (problems: readonly Problem[]) => void;
  /** A table without lines around its cells, for people and for `grep` and `awk` alike. */
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => string;
  /** A bar for a person who waits; nothing in pipes and in CI systems. */
  readonly progress: (what: string) => ProgressBar;
}

export interface ProgressBar {
  readonly update: (done: number, total: number) => void;
  /** Takes it off the screen. */
  readonly stop: () => void;
}

/** @param streams anything but the process's own is not coloured. */
export function openTerminal(streams: Streams): Terminal {
  const { stdout, stderr } = streams;
  let printed = false;
  const colors = pc.createColors(streams === process && pc.isColorSupported);
  const note = (text: string): void => {
    stderr.write(`${text}\n`);
  };
  return {
    colors,
    stdout,
    dialog:
      streams === process && process.stdin.isTTY && process.stderr.isTTY
        ? { input: process.stdin, output: process.stderr }
        : undefined,
    print: (text) => {
      printed = true;
      stdout.write(`${text}\n`);
    },
    hasPrinted: () => printed,
    note,
    warn: (warning) => {
      const text = typeof warning === "string" ? warning : problemText(warning);
      note(`${colors.yellow("warning:")} ${text}`);
    },
    sayProblems: (problems) => {
      for (const problem of problems) {
        note(`${colors.red("error:")} ${problemText(problem)}`);
      }
    },
    table: (head, rows) =>
      textTable(
        head.map((title) => colors.bold(title)),
        rows,
      ),
    progress: (what) =>
      stderr.isTTY === true && (process.env.CI ?? "") === ""
        ? progressBar(stderr, what)
        : { update: () => undefined, stop: () => undefined },
  };
}

/** A terminal for one of several stacks. */
export interface StackTerminal {
  readonly terminal: Terminal;
  /** What was printed as a JSON document, with the stack's name in front; undefined when nothing was. */
  readonly document: () => object | undefined;
}

/**
 * The terminal for one of several stacks that are worked on one after the other. What it tells says which stack it is about, and its
 * result comes under a heading.
 *
 * @param json keeps the result, which is one JSON document, in place of printing it.
 */
export function stackTerminal(terminal: Terminal, stackName: string, json: boolean): StackTerminal {
  const name = `stack ${stackName}`;
  const about = (text: string): string => (text.startsWith(`${name}:`) ? text : `${name}: ${text}`);
  const documents: object[] = [];
  let printed = false;
  const print = (text: string): void => {
    printed = true;
    if (json) {
      const document: unknown = JSON.parse(text);
      documents.push({ stack: stackName, ...(typeof document === "object" ? document : {}) });
    } else {
      terminal.print(text);
    }
  };
  if (!json) {
    const heading = terminal.colors.bold(`Stack ${stackName}`);
    terminal.print(terminal.hasPrinted() ? `\n${heading}` : heading);
  }
  return {
    terminal: {
      ...terminal,
      print,
      hasPrinted: () => printed,
      note: (text) => {
        terminal.note(about(text));
      },
      warn: (warning) => {
        terminal.warn(about(typeof warning === "string" ? warning : problemText(warning)));
      },
      sayProblems: (problems) => {
        terminal.sayProblems(problems.map((problem) => ({ ...problem, subject: subjectOf(problem, name) })));
      },
    },
    document: () => documents[0],
  };
}

const subjectOf = ({ subject }: Problem, stack: string): string =>
  subject === stack ? subject : `${stack}: ${subject}`;

const noBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    // Coloured by the caller: the table's own styles do not respect NO_COLOR.
    head: [...head],
    chars: noBorders,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function progressBar(stream: NodeJS.WritableStream, what: string): ProgressBar {
  const bar = new SingleBar({
    stream,
    format: `{bar} {value} of {total} ${what}`,
    barsize: 30,
    barCompleteChar: "=",
    barIncompleteChar: " ",
    clearOnComplete: true,
    // The bar would restore the cursor on SIGINT, and end the process; a command does that in its own time.
    gracefulExit: false,
    hideCursor: false,
  });
  let started = false;
  return {
    update: (done, total) => {
      if (started) {
        bar.setTotal(total);
        bar.update(done);
      } else {
        started = true;
        bar.start(total, done);
      }
    },
    stop: () => {
      bar.stop();
      started = false;
    },
  };
}

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
