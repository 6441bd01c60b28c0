import type { Command } from "commander";
import type { OpenStack } from "../../stack/open-stack";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "../stack-command";

interface ForgetTunnelOptions extends StackOptions {
  readonly import: boolean;
  readonly json: boolean;
}

export function addForgetTunnel(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "forget-tunnel",
    ["forget-tunnel", "forget-tunnel --import", "forget-tunnel --import --stack eu"],
    "one",
  )
    .description(
      "lead out when the stack's tunnel was deleted at Cloudflare: take it out of the stack's state, so that `up` makes another",
    )
    .option("--import", "change the state; without it, only say what would be forgotten", false)
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
A tunnel that is there is never forgotten, nor one that Cloudflare does not show. The state is put back with
\`pulumi stack import\`, secrets encrypted as before. Stop what runs \`pulumi up\` by itself, such as CI, before --import:
what an \`up\` makes at the same time would be forgotten, too.`,
    )
    .action((options: ForgetTunnelOptions) =>
      onStack({ ...options, emptyFleet: "allowed" }, (stack, run) => forget(stack, options, run)),
    );
}

async function forget(
  stack: OpenStack,
  { import: change, json }: ForgetTunnelOptions,
  { terminal, abort, stackFlag }: Run,
): Promise<ExitCode> {
  const { forgetTunnel } = await import("../../operate/forget-tunnel.js");
  const { wasDeleted } = await import("../../operate/lost-tunnel.js");
  const { printNext } = await import("../terminal.js");
  const result = await forgetTunnel(stack, change, abort);
  if (result === "stopped") {
    return 130;
  }
  const { tunnels, forgotten } = result;
  const next = change ? stepsAfter(stack, stackFlag) : [importStep(stackFlag)];
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
          forgotten,
          changed: change,
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
  const names = forgotten.map(({ name }) => name).join(", ");
  terminal.print(
    change
      ? `Taken out of the state of stack ${stack.stackName}: ${names}. Cloudflare was only asked.`
      : `With --import the state of stack ${stack.stackName} forgets: ${names}. Nothing is changed yet.`,
  );
  printNext(terminal, next);
  return 0;
}

type NextStep = readonly [command: string, says: string];

const importStep = (stackFlag: string): NextStep => [
  `npx sitepass forget-tunnel --import${stackFlag}`,
  "does it; first stop what runs `pulumi up` by itself, such as CI",
];

function stepsAfter({ config }: OpenStack, stackFlag: string): readonly NextStep[] {
  const up = `pulumi up${stackFlag}`;
  return config.publish.kind === "tunnel"
    ? [
        [up, "makes another tunnel, and leads the DNS records to it"],
        [
          `npx sitepass central${stackFlag}`,
          "takes the new tunnel's token, and prints how to restart cloudflared",
        ],
        [`npx sitepass verify${stackFlag}`, "proves that pushes get through"],
      ]
    : [[up, "goes on without a tunnel, as the configuration says"]];
}
