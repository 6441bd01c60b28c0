import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { dnsLabelProblem } from "../fleet/names";
import type { OutputOptions } from "./output";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";

type Given = StackOptions & Omit<OutputOptions, "site" | "command"> & { readonly exec: boolean };

export function addOutput(program: Command, onStack: OnStack): void {
  stackCommand(program, "output", [
    "output tokyo --to /etc/sitepass/tokyo.env",
    "output tokyo --exec -- ssh tokyo 'umask 077; cat > /etc/sitepass/credentials'",
    "output tokyo --format kubernetes --namespace monitoring --exec -- kubectl apply -f -",
    "output tokyo --format json | jq -r .endpoints.metrics",
  ])
    .description("hand out one site's credentials: to a file, a command or a pipe")
    .addArgument(new Argument("<site>", "name of a file in sites/, without extension"))
    .addArgument(new Argument("[command...]", "with --exec: the command and its arguments, after --"))
    .addOption(
      new Option("--format <format>", "how they are written")
        .choices(["env", "json", "kubernetes"])
        .default("env"),
    )
    .option("--to <file>", "to a file that its owner alone may read")
    .option("--exec", "to the stdin of a command; ends with its exit code", false)
    .option("--show", "print them even on a terminal", false)
    .addOption(
      new Option(
        "--name <name>",
        "with --format kubernetes: what the Secret is called; default sitepass-<site>",
      ).argParser(subdomain),
    )
    .addOption(
      new Option("--namespace <name>", "with --format kubernetes: where it belongs").argParser(label),
    )
    .action(async (site: string, words: string[], options: Given, command: Command) => {
      const wrong = wrongUsage(words, options);
      if (wrong !== undefined) {
        command.error(`error: ${wrong}`);
      }
      await onStack(options, async (stack, { abort: signal }) => {
        const { output } = await import("./output.js");
        return output(stack, { ...options, site, command: words }, signal);
      });
    });
}

/** Options that say nothing together. */
function wrongUsage(
  words: readonly string[],
  { exec, to, show, format, name, namespace }: Given,
): string | undefined {
  if (exec !== words.length > 0) {
    return exec
      ? "--exec has no command. Write it after --, as in --exec -- kubectl apply -f -."
      : `"${words.join(" ")}" comes without --exec. Name one site, and put a command after --exec --.`;
  }
  const ways = [exec ? "--exec" : "", to === undefined ? "" : "--to", show ? "--show" : ""].filter(
    (way) => way !== "",
  );
  if (ways.length > 1) {
    return `${ways.join(" and ")} do not go together. Take one of them.`;
  }
  return format !== "kubernetes" && (name !== undefined || namespace !== undefined)
    ? "--name and --namespace come only with --format kubernetes."
    : undefined;
}

/** Names of objects in Kubernetes are DNS subdomains, those of namespaces DNS labels (kubernetes.io, object names and IDs). */
function subdomain(text: string): string {
  const problem =
    text.length > 253
      ? "is longer than 253 characters"
      : text
          .split(".")
          .map(dnsLabelProblem)
          .find((found) => found !== undefined);
  if (problem !== undefined) {
    throw new InvalidArgumentError(`It ${problem}.`);
  }
  return text;
}

function label(text: string): string {
  const problem = dnsLabelProblem(text);
  if (problem !== undefined) {
    throw new InvalidArgumentError(`It ${problem}.`);
  }
  return text;
}
