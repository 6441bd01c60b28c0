import { join } from "node:path";
import { Argument, type Command } from "commander";
import type { OnFolder, OnProject, OnStack } from "../stack-command";
import { completionOf, type Completion } from "./candidates";
import { completionScript, shells, type Shell } from "./completion-scripts";

export function addCompletion(
  program: Command,
  _onStack: OnStack,
  _onProject: OnProject,
  onFolder: OnFolder,
): void {
  program
    .command("completion")
    .description("print the script by which a shell completes commands, options, sites, stacks and shards")
    .addArgument(new Argument("<shell>", "the shell that is to source it").choices(shells))
    .addHelpText(
      "after",
      `
Examples:
  $ source <(sitepass completion bash)    # in ~/.bashrc: in every shell
  $ source <(sitepass completion zsh)     # in ~/.zshrc, behind compinit
  $ sitepass completion fish > ~/.config/fish/completions/sitepass.fish

A shell completes the command that it sees, and in \`npx sitepass\` that is npx, which none of the three can do. Make
sitepass a command of its own, once with \`npm link\` in the project's folder, or by a function in the shell's file:
  bash, zsh:  sitepass() { npx sitepass "$@"; }
  fish:       function sitepass; npx sitepass $argv; end
In zsh it has to be a function: an alias is npx to it again.

Then, for the script itself: source <(npx sitepass completion bash). It asks this program, where it lies now, and reads
sites/ and the names of Pulumi.<stack>.yaml in the folder of --cwd; print it anew when the program has moved.`,
    )
    .action((shell: Shell) =>
      onFolder({}, ({ terminal }) => {
        const script = completionScript(shell, join(__dirname, "..", "..", "bin", "sitepass.cjs"));
        terminal.print(script.trimEnd());
        return Promise.resolve(0);
      }),
    );
  program
    .command("__complete", { hidden: true })
    .argument("<shell>")
    .argument("[words...]")
    .helpOption(false)
    .action((shell: string, words: string[], _options: unknown, command: Command) => {
      const output = command.configureOutput();
      try {
        output.writeOut?.(answerText(completionOf(program, wordsFrom(shell, words)), shell, words));
      } catch {
        // Whatever is wrong, a shell in the middle of a line is no place to say it.
      }
    });
}

/** Bash makes three words of `--stack=eu`. */
function wordsFrom(shell: string, words: readonly string[]): readonly string[] {
  return shell !== "bash"
    ? words
    : words.reduce<string[]>((joined, word) => {
        const last = joined.at(-1) ?? "";
        const continues = word === "=" ? /^--[a-z-]+$/.test(last) : /^--[a-z-]+=$/.test(last);
        return continues ? [...joined.slice(0, -1), last + word] : [...joined, word];
      }, []);
}

/** The first line says what the others are; each has a word and, behind a tab, what it does. */
function answerText(completion: Completion, shell: string, words: readonly string[]): string {
  if (completion.kind !== "words") {
    return `${completion.kind}\n`;
  }
  const isValue = shell === "bash" && words.slice(-2).includes("=");
  const lines = completion.words.map(
    ({ word, about }) => `${isValue ? word.replace(/^--[a-z-]+=/, "") : word}\t${about}`,
  );
  return ["words", ...lines, ""].join("\n");
}
