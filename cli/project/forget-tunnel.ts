import type { Command } from "commander";
import type { ForgottenTunnel } from "../../operate/forget-tunnel";
import type { OpenStack } from "../../stack/open-stack";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "../stack-command";

interface ForgetTunnelOptions extends StackOptions {
  readonly json: boolean;
}

export function addForgetTunnel(program: Command, onStack: OnStack): void {
  stackCommand(program, "forget-tunnel", ["forget-tunnel", "forget-tunnel --stack eu"], "one")
    .description(
      "lead out when the stack's tunnel was deleted at Cloudflare: write the state without it, from which `up` makes another; changes nothing itself",
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
A tunnel that is there is never forgotten, nor one that Cloudflare does not show. The file that it writes holds the stack's
state: secrets encrypted, as Pulumi keeps them. It prints the commands that come next; nothing is changed before them.`,
    )
    .action((options: ForgetTunnelOptions) =>
      onStack({ ...options, emptyFleet: "allowed" }, (stack, run) => forget(stack, options, run)),
    );
}

async function forget(
  stack: OpenStack,
  { json }: ForgetTunnelOptions,
  { terminal, abort }: Run,
): Promise<ExitCode> {
  const { forgetTunnel } = await import("../../operate/forget-tunnel.js");
  const { wasDeleted } = await import("../../operate/lost-tunnel.js");
  const { printNext } = await import("../terminal.js");
  const result = await forgetTunnel(stack, abort);
  if (result === "stopped") {
    return 130;
  }
  const { tunnels, forgotten, file } = result;
  const next = nextSteps(stack, result);
  if (json) {
    terminal.print(
      JSON.stringify(
        {
          ok: true,
          stack: stack.stackName,
          tunnels: tunnels.map(({ id, name, deletedAt }) => ({
            id,
            name: name ?? null,
            deletedAt: deletedAt ?? null,
          })),
          file,
          forgotten,
          next: next.map(([command]) => command),
        },
        undefined,
        2,
      ),
    );
    return 0;
  }
  for (const tunnel of tunnels) {
    terminal.print(
      `The tunnel${tunnel.name === undefined ? "" : ` ${tunnel.name}`} (ID ${tunnel.id}) ${wasDeleted(tunnel)}.`,
    );
  }
  terminal.print(
    `${file}: written, the stack's state without it (${forgotten.map(({ name }) => name).join(", ")}). Nothing else is changed yet, neither the stack nor Cloudflare.`,
  );
  printNext(terminal, next);
  return 0;
}

/** In this order, and before anybody else runs `up`: what that makes would not be in the file. */
function nextSteps(
  { stackName, config }: OpenStack,
  { file, putInPlace }: ForgottenTunnel,
): readonly (readonly [command: string, says: string])[] {
  const ofStack = `--stack ${stackName}`;
  const first: readonly (readonly [command: string, says: string])[] = [
    [putInPlace, "puts it in the place of the state; do it before anybody runs `pulumi up`"],
    ...(putInPlace.startsWith("mv ") ? [] : [[`rm ${file}`, "deletes this copy of the state"] as const]),
  ];
  return config.publish.kind === "tunnel"
    ? [
        ...first,
        [`pulumi up ${ofStack}`, "makes another tunnel, and leads the DNS records to it"],
        [
          `npx sitepass central ${ofStack}`,
          "takes the new tunnel's token, and prints how to restart cloudflared",
        ],
        [`npx sitepass verify ${ofStack}`, "proves that pushes get through"],
      ]
    : [...first, [`pulumi up ${ofStack}`, "goes on without a tunnel, as the configuration says"]];
}
