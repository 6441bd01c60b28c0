import { gateSocket, type Config } from "../../fleet/config";
import { attempt, type Problem } from "../../fleet/problem";
import { signals } from "../../fleet/signals";
import { plural } from "../../fleet/wording";
import { countConnectors, listTunnels, type AccountTunnel } from "../../cloudflare/tunnels";
import { permissionFinding } from "./api-token";
import { resourceTypes } from "../../provision/declared-objects";
import { lookAtTunnel, lostTunnelProblem } from "../lost-tunnel";
import { goneFrom, ownerOf } from "../ownership";
import type { CheckContext } from "./check-context";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("tunnel");

/** Whether the tunnel's name is free, or taken by this stack's own; nothing when the stack has no tunnel. */
export async function checkTunnel(context: CheckContext): Promise<readonly Finding[]> {
  const { stack, api, probe } = context;
  const { publish, accountId } = stack.config;
  if (publish.kind !== "tunnel") {
    return [];
  }
  const { name } = publish;
  const [read, write] = await Promise.all([listTunnels(api, accountId, name), probe("tunnels")]);
  const permission = permissionFinding("tunnels", read, write);
  if (read.kind !== "answered") {
    return [permission];
  }
  const own = await ownTunnels(context, read.value);
  const [tunnel] = read.value;
  const connectors =
    tunnel !== undefined && own.kind === "known" && own.ids.has(tunnel.id)
      ? await countConnectors(api, accountId, tunnel.id)
      : undefined;
  const count = connectors?.kind === "answered" ? connectors.value : 0;
  const missing = goneFrom(await context.ownership, resourceTypes.tunnel, read.value);
  const gone = await Promise.all(missing.map(({ id }) => missingFinding(context, name, id)));
  return [permission, ...gone, tunnelFinding(name, read.value, own, count), ...gateFindings(stack.config)];
}

/** Why a tunnel of the state is not among those of the configured name. */
async function missingFinding({ stack, api }: CheckContext, name: string, id: string): Promise<Finding> {
  const seen = await attempt(() => lookAtTunnel(api, stack.config.accountId, id));
  if (seen.ok && seen.value.kind === "lost") {
    return problem(lostTunnelProblem(name, seen.value.tunnel, stack));
  }
  const says = (what: string) => `is "${name}", and the tunnel that the stack holds (ID ${id}) ${what}`;
  return warning(
    seen.ok
      ? {
          subject,
          says: says(`is called "${seen.value.tunnel.name}"`),
          todo: "Run `pulumi up`, which renames it",
        }
      : {
          subject,
          says: says(
            `cannot be read: ${seen.problems.map((one) => `${one.subject} ${one.says}`).join("; ")}`,
          ),
          todo: [...new Set(seen.problems.map(({ todo }) => todo))].join(". "),
        },
  );
}

/** Whether the tunnel leads to the gate where there is to be one, and nowhere else. */
export function gateFindings({
  identity,
  endpoints,
}: Pick<Config, "identity" | "endpoints">): readonly Finding[] {
  return endpoints.flatMap(({ signal, origin }) => {
    const about = { subject: `sitepass:endpoints.${signal}.origin` };
    if (identity !== "off" && !origin.startsWith("unix:")) {
      return warning({
        ...about,
        says: `is ${origin}, which passes the gate by, and sitepass:identity is ${identity}: any site can write as any other`,
        todo: `Leave it out, and start the gate that \`npx sitepass central\` renders before \`pulumi up\``,
      });
    }
    return identity === "off" && origin === `unix:${gateSocket(signal)}`
      ? problem({
          ...about,
          says: `is ${origin}, the gate's socket, and sitepass:identity is off: nothing would listen there`,
          todo: `Set sitepass:identity to label, or name the store as in ${signals[signal].defaultOrigin}`,
        })
      : [];
  });
}

type TunnelOwners =
  | { readonly kind: "known"; readonly ids: ReadonlySet<string> }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * What is known of the stack's own tunnel. Where the state cannot be read, a DNS record of the stack may point to it; and a
 * stack that has no service token either was never brought up.
 */
async function ownTunnels(
  { stack, tokens, records, ownership }: CheckContext,
  tunnels: readonly AccountTunnel[],
): Promise<TunnelOwners> {
  const own = await ownership;
  if (own.objects.kind === "known") {
    return own.objects;
  }
  const targets = (await records)
    .flatMap((read) => (read.kind === "answered" ? read.value : []))
    .filter(({ id, comment }) => ownerOf(own, id, comment) === "this stack")
    .map(({ content }) => content);
  const pointedTo = tunnels.filter(({ id }) => targets.includes(`${id}.cfargotunnel.com`));
  const listed = await tokens;
  const neverUp =
    listed.kind === "answered" && !listed.value.some(({ name }) => name.startsWith(stack.ownPrefix));
  return pointedTo.length > 0 || neverUp
    ? { kind: "known", ids: new Set(pointedTo.map(({ id }) => id)) }
    : own.objects;
}

const subject = "sitepass:publish.tunnel.name";

/** A tunnel of the configured name that the stack's state does not hold. */
export const unheldTunnel = (name: string, id: string): Problem => ({
  subject,
  says: `is "${name}", which a tunnel of the account has that this stack does not hold (${id})`,
  todo: "If an interrupted run left it, or it is the one to use, take it in with `npx sitepass adopt`; if not, take another name or delete that tunnel",
});

/**
 * A name belongs to one live tunnel of an account (error 1013).
 *
 * @param connectors how many are up; 0 when that is not known.
 */
export function tunnelFinding(
  name: string,
  tunnels: readonly AccountTunnel[],
  objects: TunnelOwners,
  connectors = 0,
): Finding {
  const tunnel = tunnels.find((one) => one.name === name);
  if (tunnel === undefined) {
    return ok(`the tunnel's name ${name} is free`);
  }
  if (objects.kind === "unknown") {
    return warning({
      subject,
      says: `is "${name}", and the account has such a tunnel (${tunnel.id}); whether it is this stack's cannot be told (${objects.reason})`,
      todo: "If it is not, take another name",
    });
  }
  if (!objects.ids.has(tunnel.id)) {
    return problem(unheldTunnel(name, tunnel.id));
  }
  const status = tunnel.status === undefined ? "" : `, and ${tunnel.status}`;
  const up = connectors === 0 ? "" : ` with ${plural(connectors, "connector")}`;
  return tunnel.configSrc === "local"
    ? problem({
        subject,
        says: `is "${name}", and that tunnel takes its ingress rules from a file on its host, so this stack's have no effect`,
        todo: "Run `pulumi up --refresh`, which replaces it",
      })
    : ok(`the tunnel ${name} is this stack's${status}${up}`);
}
