import { join } from "node:path";
import { Argument, Option, type Command } from "commander";
import { collectorNames } from "../fleet/collector-names";
import { relayNames } from "../fleet/relay-names";
import type { Site } from "../fleet/sites";
import type { RenderOptions } from "../handover/render-sites";
import type { OpenStack } from "../stack/open-stack";
import { doesNotGoWith, port, repeated, siteChoiceProblem } from "./option-values";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "./stack-command";

export function addRender(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "render",
    [
      "render tokyo",
      "render tokyo --collector prometheus --release 2.42 --relay --check",
      "render --all --out /secure/rendered",
      "render tokyo --bundle age1… --bundle ~/.ssh/tokyo.pub",
    ],
    "of sites",
  )
    .description(
      "write the files that a site's collector runs with: configuration, credentials, unit, README",
    )
    .addArgument(new Argument("[site...]", "names of files in sites/, without extension"))
    .option("--all", "every site", false)
    .addOption(
      new Option("--collector <name>", "in place of the site file's collector").choices(collectorNames),
    )
    .option("--release <version>", "the collector's version at the site; default the newest that is known")
    .addOption(
      new Option("--mode <mode>", "how Prometheus runs: a server, or an agent that only forwards")
        .choices(["server", "agent"])
        .default("server"),
    )
    .addOption(
      new Option(
        "--relay [program]",
        "in place of the site file's relay; a proxy on the site's loopback between collector and Cloudflare, which holds the secret and turns what would lose data into a retry; without a name the file's, else nginx",
      ).choices(relayNames),
    )
    .option("--no-relay", "render without one, and take it out of a folder that has one")
    .addOption(
      new Option(
        "--relay-port <port>",
        "where the relay listens; default where the site's folder has it, or 9480",
      ).argParser(port),
    )
    .addOption(new Option("--out <dir>", "where to write, a folder a site").default("rendered"))
    .addOption(
      new Option("--install-dir <dir>", "where the files will lie at the site").default("/etc/sitepass"),
    )
    .option(
      "--bundle <recipient>",
      "write one encrypted file a site instead of a folder, for this age or SSH public key, or file of such; may be repeated; SSH keys need the program age",
      repeated,
      [],
    )
    .option("--check", "have the collector's own validator check the files first, where it is on PATH", false)
    .option("--json", "print one JSON document", false)
    .action(
      async (sites: string[], options: StackOptions & Omit<RenderCommand, "sites">, command: Command) => {
        const wrong = wrongUsage(sites, options, command);
        if (wrong !== undefined) {
          command.error(`error: ${wrong}`);
        }
        // A default belongs to the project, where it is kept out of version control.
        const out =
          command.getOptionValueSource("out") === "cli" ? options.out : join(options.cwd, options.out);
        await onStack({ ...options, sites, sitesTell: "told" }, (stack, run) =>
          render(stack, { ...options, out, sites: run.sites }, run),
        );
      },
    );
}

/** Options that mean nothing together. */
function wrongUsage(
  sites: readonly string[],
  { all, relay }: Pick<RenderCommand, "all" | "relay">,
  command: Command,
): string | undefined {
  return (
    siteChoiceProblem(command, sites, all) ??
    doesNotGoWith(command, ["--relay-port"], "--no-relay", relay === false)
  );
}

export interface RenderCommand extends RenderOptions {
  readonly sites: readonly string[];
  readonly all: boolean;
  readonly json: boolean;
}

/** Renders the sites that are named, and says what was done. */
export async function render(
  stack: OpenStack,
  options: RenderCommand,
  { terminal, abort, amongSeveral }: Run,
): Promise<ExitCode> {
  const { renderSites } = await import("../handover/render-sites.js");
  const all = await chosenSites(stack, options);
  // A folder of a site's name would be overwritten with the other stack's credentials.
  const arriving = amongSeveral ? all.filter(({ movingTo }) => movingTo === stack.config.shard) : [];
  const chosen = all.filter((site) => !arriving.includes(site));
  for (const { name, file } of arriving) {
    terminal.warn({
      subject: file,
      says: "is moving here, and has the credentials of the stack that it comes from meanwhile",
      todo: `When its collector is to have those of this stack: \`npx sitepass render ${name} --stack ${stack.stackName}\``,
    });
  }
  const bar = terminal.progress("sites");
  const rendering = await renderSites(stack, chosen, options, { abort, onProgress: bar.update }).finally(
    bar.stop,
  );
  if (options.json) {
    terminal.print(JSON.stringify({ sites: rendering.sites }, undefined, 2));
  } else {
    const { printRendered } = await import("./render-report.js");
    printRendered(rendering.sites, terminal);
  }
  for (const warning of rendering.warnings) {
    terminal.warn(warning);
  }
  return 0;
}

async function chosenSites(stack: OpenStack, { sites, all }: RenderCommand): Promise<readonly Site[]> {
  const { selectSites } = await import("../operate/select-sites.js");
  return all ? stack.sites : selectSites(stack, sites);
}
