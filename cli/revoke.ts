import type { Command } from "commander";
import type { Revocation, RevokeReport } from "../operate/revoke";
import type { OpenStack } from "../stack/open-stack";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "./stack-command";
import type { Terminal } from "./terminal";

interface RevokeOptions extends StackOptions {
  readonly immediately: boolean;
  readonly undo: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export function addRevoke(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "revoke",
    ["revoke tokyo", "revoke tokyo --immediately", "revoke --undo tokyo"],
    "of sites",
  )
    .description("shut sites out: token.enabled: false in their files, for `up` to carry out")
    .argument("<site...>", "names of files in sites/, without extension")
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
    .action(async (sites: string[], options: RevokeOptions, command: Command) => {
      if (options.dryRun && options.immediately) {
        command.error("error: --immediately does not go with --dry-run.");
      }
      await onStack({ ...options, sites, sitesTell: "both" }, (stack, run) => revoke(stack, options, run));
    });
}

async function revoke(
  stack: OpenStack,
  { immediately, undo: enabled, dryRun, json }: RevokeOptions,
  { terminal, sites, stackFlag }: Run,
): Promise<ExitCode> {
  const { problemText } = await import("../fleet/problem.js");
  const { revokeSites } = await import("../operate/revoke.js");
  const { warnOfOtherStacks } = await import("./on-stack.js");
  const others = warnOfOtherStacks(
    stack,
    terminal,
    enabled ? "lets these sites in" : "shuts these sites out",
    sites,
  );
  if (immediately) {
    const { stackName, config } = stack;
    const acting = `Stack ${stackName}, account ${config.accountId}: ${enabled ? "enabling" : "disabling"} tokens at Cloudflare.`;
    (json ? terminal.note : terminal.print)(acting);
  }
  const report = await revokeSites(stack, { sites, enabled, immediately, dryRun });
  const { problems, outputsProblems } = report;
  if (dryRun) {
    await showDryRun(terminal, report, json, others);
    return 0;
  }
  if (outputsProblems.length > 0) {
    terminal.warn(`tokens were looked for by name, because ${outputsProblems.map(problemText).join(" ")}`);
  }
  if (json) {
    terminal.print(
      JSON.stringify({ ...asDocument(report, enabled, problems.map(problemText)), ...others }, undefined, 2),
    );
  } else {
    show(terminal, report, enabled, stackFlag);
  }
  terminal.sayProblems(problems);
  return problems.length > 0 ? 1 : 0;
}

async function showDryRun(
  terminal: Terminal,
  { edits }: RevokeReport,
  json: boolean,
  others: object,
): Promise<void> {
  if (json) {
    const document = { dryRun: true, files: edits.map(({ file }) => file), ...others };
    terminal.print(JSON.stringify(document, undefined, 2));
    return;
  }
  const { printEdit } = await import("./rotation-report.js");
  for (const { file, lines } of edits) {
    printEdit(terminal, file, lines);
  }
  terminal.print(edits.length === 0 ? "Nothing would change." : "Nothing was written.");
}

function asDocument({ sites }: RevokeReport, enabled: boolean, problems: readonly string[]): object {
  return {
    enabled,
    sites: sites.map(({ site: { name, file }, file: written, cloudflare }) => ({
      site: name,
      file,
      written,
      cloudflare,
    })),
    problems,
  };
}

function show(
  { colors, print, table }: Terminal,
  { sites }: RevokeReport,
  enabled: boolean,
  stackFlag: string,
): void {
  const done = enabled ? "enabled" : "disabled";
  const atCloudflare: Readonly<Record<Revocation["cloudflare"], string>> = {
    changed: colors.green(`${done} now`),
    already: `${done} already`,
    failed: colors.red(`not ${done}`),
    "not asked": enabled ? "with the next up" : colors.yellow("lets it in until the next up"),
  };
  // What an earlier run wrote may have been carried out long ago.
  const outcome = ({ file, cloudflare }: Revocation) =>
    cloudflare === "not asked" && file === "already so" ? "as the last up left it" : atCloudflare[cloudflare];
  print(
    table(
      ["site", "file", `token.enabled: ${enabled}`, "Cloudflare"],
      sites.map((revocation) => [
        revocation.site.name,
        revocation.site.file,
        revocation.file === "not written" ? colors.red(revocation.file) : revocation.file,
        outcome(revocation),
      ]),
    ),
  );
  print(
    enabled
      ? `\nNext: \`pulumi up --refresh${stackFlag}\`, which puts the tokens back into their policies. --refresh, because the stack does not know\nof tokens that were disabled by --immediately alone.`
      : `\nNext: \`pulumi up${stackFlag}\`, which also takes the tokens out of their policies. To let a site in again: \`npx sitepass revoke --undo\`.`,
  );
}
