import type { AccountTunnel } from "../../cloudflare/tunnels";
import { findingsOn, type Finding } from "./finding";
import type { HeldObjects } from "./held-objects";

const { ok, warning, problem } = findingsOn("tunnel");

/** Whether the tunnel's name is free, or taken by this stack's own. A name belongs to one live tunnel of an account (error 1013). */
export function judgeTunnel(
  name: string,
  tunnels: readonly AccountTunnel[],
  held: HeldObjects,
): readonly Finding[] {
  const tunnel = tunnels.find((one) => one.name === name);
  if (tunnel === undefined) {
    return [ok(`the tunnel's name ${name} is free`)];
  }
  if (held.kind === "unknown") {
    return [
      warning(
        `sitepass:publish.tunnel.name: is "${name}", and the account has such a tunnel (${tunnel.id}); whether it is this stack's cannot be told (${held.reason.replace(/\.$/, "")}). If it is not, take another name.`,
      ),
    ];
  }
  if (!held.ids.has(tunnel.id)) {
    return [
      problem(
        `sitepass:publish.tunnel.name: is "${name}", which another tunnel of the account has (${tunnel.id}). Take another name, delete that tunnel, or bring it into the stack with \`sitepass adopt\`.`,
      ),
    ];
  }
  return tunnel.configSrc === "local"
    ? [
        problem(
          `sitepass:publish.tunnel.name: is "${name}", and that tunnel takes its ingress rules from a file on its host, so this stack's have no effect. Run \`pulumi refresh\` and \`pulumi up\`, which replaces it.`,
        ),
      ]
    : [
        ok(
          `the tunnel ${name} is this stack's${tunnel.status === undefined ? "" : `, and ${tunnel.status}`}`,
        ),
      ];
}
