import { Argument, Option, type Command } from "commander";
import { collectorNames } from "../fleet/site-schema";
import { port, repeated } from "./option-values";
import type { RenderOptions } from "./render-options";
import { stackCommand, type OnStack, type StackOptions } from "./stack-command";

export function addRender(program: Command, onStack: OnStack): void {
  stackCommand(program, "render", [
    "render tokyo --relay",
    "render tokyo --collector prometheus --release 2.42 --relay --check",
    "render --all --out /secure/rendered",
    "render tokyo --bundle age1… --bundle ~/.ssh/tokyo.pub",
  ])
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
        "put a proxy on the site's loopback between collector and Cloudflare, which holds the secret and turns what would lose data into a retry",
      )
        .choices(["nginx", "caddy"])
        .preset("nginx"),
    )
    .addOption(new Option("--relay-port <port>", "where the relay listens").argParser(port).default(9480))
    .addOption(new Option("--out <dir>", "where to write, a folder a site").default("rendered"))
    .addOption(
      new Option("--install-dir <dir>", "where the files will lie at the site").default("/etc/sitepass"),
    )
    .option(
      "--bundle <recipient>",
      "write one encrypted file a site instead of a folder, for this age or SSH public key, or file of such; may be repeated",
      repeated,
      [],
    )
    .option(
      "--check",
      "let the collector's own validator look at the files first, where it is on PATH",
      false,
    )
    .option("--json", "print one JSON document", false)
    .action(async (sites: string[], options: StackOptions & Omit<RenderOptions, "sites">) => {
      await onStack(options, async (stack, { abort: signal }) => {
        const { render } = await import("./render.js");
        return render(stack, { ...options, sites }, signal);
      });
    });
}
