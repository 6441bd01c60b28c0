import type { Placement, RenderedFile } from "../collector";
import { relayUnit } from "../relay/relay-units";

/**
 * A drop-in that makes the collector's own unit run the rendered files.
 *
 * @param service whole lines of the section [Service], comments among them; commands are made by `execStart`.
 */
export function dropIn(unit: string, placement: Placement, service: readonly string[]): RenderedFile {
  return {
    path: `systemd/${unit}.service.d/sitepass.conf`,
    mode: 0o644,
    content: `# Rendered by sitepass.
[Unit]
${startOrder(placement).join("\n")}

[Service]
${service.join("\n")}
Restart=always
RestartSec=5
`,
  };
}

/** The order of starting is the other way round when stopping: what the collector still has is sent before its way out goes. */
export function startOrder({ credentials }: Placement): readonly string[] {
  const before = credentials === undefined ? `${relayUnit}.service` : "network-online.target";
  return [`Wants=${before}`, `After=${before}`];
}

/**
 * One argument of a command line in a unit: `%` begins a specifier, `$` a variable, and quotes and backslashes group and
 * escape (systemd.service(5), "COMMAND LINES"; systemd.unit(5), "SPECIFIERS").
 */
export function systemdArgument(text: string): string {
  const doubled = text.replace(/[%$]/g, "$&$&");
  return /^[\w./:=@,+~*%$-]+$/.test(doubled)
    ? doubled
    : `"${doubled.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

/**
 * The command line of a drop-in, one argument a line.
 *
 * @param command its beginning, as it is.
 */
export function execStart(command: string, args: readonly string[]): readonly string[] {
  return [
    "# The first, empty one takes the unit's own command away.",
    "ExecStart=",
    `ExecStart=${[command, ...args.map(systemdArgument)].join(" \\\n  ")}`,
  ];
}

/** One line of a file for `EnvironmentFile=` (systemd.exec(5)): in double quotes, where these four are escaped. */
export function environmentLine(name: string, value: string): string {
  return `${name}="${value.replace(/["\\`$]/g, "\\$&")}"\n`;
}
