import { join } from "node:path";
import { Option, type Command } from "commander";
import type { StackOptions } from "../stack-command";

/** Not `central`, which in this project is a folder of its source. */
export const outOption = (): Option =>
  new Option("--out <dir>", "the folder of the central host").default("central-host");

/** A default belongs to the project, where it is kept out of version control. */
export const outFolder = (
  { out, cwd }: Pick<StackOptions, "cwd"> & { readonly out: string },
  command: Command,
): string => (command.getOptionValueSource("out") === "cli" ? out : join(cwd, out));

/** What the gate's subcommands take beside. */
export interface GateOptions extends StackOptions {
  readonly out: string;
  readonly run?: string;
}

export const runOption = (): Option =>
  new Option("--run <dir>", "the folder of the gate's sockets (default: run in the folder of --out)");
