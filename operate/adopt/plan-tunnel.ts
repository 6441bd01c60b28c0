import type { Config } from "../../fleet/config";
import { anchoredPattern } from "../../provision/declared-objects";
import type { AccountTunnel } from "../../cloudflare/tunnels";
import { declaredIngress, declaredTunnel, resourceTypes } from "./declared";
import type { KnownResources } from "./known-resources";
import { changed, nothing, together, type Adoption, type Part } from "./part";
import { judgeIngress } from "./judge-ingress";
import type { AccountView } from "./read-account";
import type { Ingress } from "./read-ingress";

export interface TunnelContext {
  readonly config: Config;
  readonly view: AccountView;
  readonly known: KnownResources;
}

/** What a host name's record has to point to for the tunnel to serve it. */
export const tunnelTarget = (tunnelId: string): string => `${tunnelId}.cfargotunnel.com`;

/** The tunnel that is configured, and its ingress rules. */
export function planTunnelAdoption(context: TunnelContext): Part {
  const { config, view, known } = context;
  const { publish } = config;
  if (publish.kind === "addresses") {
    return nothing;
  }
  const tunnel = view.tunnels.find(({ name }) => name === publish.name);
  if (tunnel === undefined) {
    return { ...nothing, refusals: otherTunnelProblems(publish.name, view) };
  }
  const holder = known.idOf(declaredTunnel);
  if (holder !== undefined && holder !== tunnel.id) {
    return {
      ...nothing,
      refusals: [
        `tunnel "${tunnel.name}": has the configured name, and the stack has another tunnel already (${holder}). Give sitepass:publish.tunnel.name the name of that one.`,
      ],
    };
  }
  if (tunnel.configSrc === "local") {
    return {
      ...nothing,
      refusals: [
        `tunnel "${tunnel.name}": takes its ingress rules from a file on its host, and \`up\` would delete it and make another, for which every connector needs a new token. Migrate it in the dashboard first (Networks > Tunnels), or set sitepass:publish.tunnel.name to a new name.`,
      ],
    };
  }
  const ingress =
    known.nameOf(resourceTypes.ingress, tunnel.id) === undefined ? context.view.ingress : undefined;
  return together([
    { ...nothing, adoptions: adoptionsOf(tunnel, ingress, context) },
    ingress === undefined ? nothing : judgeIngress(tunnel, ingress, config),
  ]);
}

/** Without a tunnel of the configured name: the one that serves the hosts today is probably meant. */
function otherTunnelProblems(wanted: string, { tunnels, records }: AccountView): readonly string[] {
  return tunnels.flatMap(({ id, name }) => {
    const served = records
      .filter(({ type, content }) => type === "CNAME" && content === tunnelTarget(id))
      .map((record) => record.name);
    return served.length === 0
      ? []
      : [
          `sitepass:publish.tunnel.name: is "${wanted}", which no tunnel of the account has, and the tunnel "${name}" serves ${served.join(" and ")}. Set it to that name, or \`up\` makes a new tunnel without a connector.`,
        ];
  });
}

function adoptionsOf(
  tunnel: AccountTunnel,
  ingress: Ingress | undefined,
  context: TunnelContext,
): readonly Adoption[] {
  const importId = `${context.config.accountId}/${tunnel.id}`;
  const adoptions: Adoption[] = [];
  if (context.known.nameOf(resourceTypes.tunnel, tunnel.id) === undefined) {
    adoptions.push({ becomes: declaredTunnel, importId, object: `tunnel "${tunnel.name}"`, changes: [] });
  }
  if (ingress !== undefined) {
    adoptions.push({
      becomes: declaredIngress,
      importId,
      object: `ingress rules of tunnel "${tunnel.name}"`,
      changes: ingressChanges(ingress, context.config),
    });
  }
  return adoptions;
}

/** Always one: nobody writes by hand what the program declares, a check on each rule with its application's audience. */
function ingressChanges({ rules }: Ingress, { endpoints }: Config): Adoption["changes"] {
  return changed(
    "config",
    rules.map(({ hostname, path, service }) => `${hostname}${path} > ${service}`).join(", "),
    [
      ...endpoints.map(
        ({ hostname, paths, origin }) => `${hostname}${anchoredPattern(paths)} > ${origin}, checked`,
      ),
      " > http_status:404",
    ].join(", "),
  );
}
