import type { IngressRule, TunnelConfiguration } from "../../cloudflare/tunnels";
import { coversHost, destinationOf } from "../../cloudflare/access-evaluation";
import { originProblem } from "../../fleet/config-schema";
import type { Config, Endpoint } from "../../fleet/config";
import { anchoredPattern, resourceTypes } from "../../provision/declared-objects";
import {
  changed,
  declaredIngress,
  declaredTunnel,
  idInStack,
  planMessages,
  resourceWithId,
  type Adoption,
  type PlanInProgress,
} from "./adoption-plan";

/** What a host name's record has to point to for the tunnel to serve it. */
export const tunnelTarget = (tunnelId: string): string => `${tunnelId}.cfargotunnel.com`;

/** Plans the adoption of the configured tunnel and its ingress rules, and finds what is lost with the rules that `up` replaces. */
export function planTunnelAdoption(plan: PlanInProgress): void {
  const { config, account } = plan;
  const { publish } = config;
  if (publish.kind === "addresses") {
    return;
  }
  const tunnel = account.tunnels.find(({ name }) => name === publish.name);
  if (tunnel === undefined) {
    refuseOtherTunnels(publish.name, plan);
    return;
  }
  const subject = `tunnel "${tunnel.name}"`;
  const { refuse } = planMessages(subject, plan);
  const holder = idInStack(plan, declaredTunnel);
  if (holder !== undefined && holder !== tunnel.id) {
    refuse(
      `has the configured name, and the stack has another tunnel already (${holder})`,
      "Give sitepass:publish.tunnel.name the name of that one",
    );
    return;
  }
  if (tunnel.configSrc === "local") {
    refuse(
      "takes its ingress rules from a file on its host, and `up` would delete it and make another, for which every connector needs a new token",
      "Migrate it in the dashboard first (Networks > Tunnels), or set sitepass:publish.tunnel.name to a new name",
    );
    return;
  }
  const importId = `${config.accountId}/${tunnel.id}`;
  if (resourceWithId(plan, resourceTypes.tunnel, tunnel.id) === undefined) {
    plan.adoptions.push({ becomes: declaredTunnel, importId, object: subject, changes: [] });
  }
  const { tunnelConfiguration: today } = account;
  if (today !== undefined && resourceWithId(plan, resourceTypes.ingress, tunnel.id) === undefined) {
    const object = `ingress rules of ${subject}`;
    plan.adoptions.push({ becomes: declaredIngress, importId, object, changes: ruleChanges(today, config) });
    findLostRoutes(subject, today, plan);
  }
}

/** Without a tunnel of the configured name: the one that serves the hosts today is probably meant. */
function refuseOtherTunnels(wanted: string, { account, refusals }: PlanInProgress): void {
  for (const { id, name } of account.tunnels) {
    const served = account.records
      .filter(({ type, content }) => type === "CNAME" && content === tunnelTarget(id))
      .map((record) => record.name);
    if (served.length > 0) {
      refusals.push({
        subject: "sitepass:publish.tunnel.name",
        says: `is "${wanted}", which no tunnel of the account has, and the tunnel "${name}" serves ${served.join(" and ")}`,
        todo: "Set it to that name, or `up` makes a new tunnel without a connector",
      });
    }
  }
}

/** Always one: nobody writes by hand what the program declares, a check on each rule with its application's audience. */
function ruleChanges({ rules }: TunnelConfiguration, { endpoints }: Config): Adoption["changes"] {
  const before = rules.map(({ hostname, path, service }) => `${hostname}${path} > ${service}`);
  const after = endpoints.map(
    ({ hostname, paths, origin }) => `${hostname}${anchoredPattern(paths)} > ${origin}, checked`,
  );
  const elsewhere = `${anchoredPattern(endpoints.flatMap(({ paths }) => paths))} > http_status:503`;
  return changed("config", before.join(", "), [...after, elsewhere, " > http_status:404"].join(", "));
}

/** What leads through the tunnel today and will not after `up`, which replaces its rules by those of the write paths. */
function findLostRoutes(subject: string, today: TunnelConfiguration, plan: PlanInProgress): void {
  const { config } = plan;
  const { lose, note } = planMessages(subject, plan);
  const serving = config.endpoints.map((endpoint) => ({
    endpoint,
    rule: servingRule(today.rules, endpoint),
  }));
  const hosts = config.endpoints.map(({ hostname }) => hostname);
  for (const rule of today.rules.filter((one) => !isRefusal(one))) {
    const leads = `leads ${routeText(rule)} to ${rule.service}, and \`up\``;
    if (!hosts.includes(rule.hostname)) {
      lose(`${leads} replaces its rules by those of this stack`, "Move that to a tunnel of its own first");
    } else if (!serving.some((one) => one.rule === rule)) {
      lose(`${leads} leaves nothing of that host but its write paths`, "Move it to another host name first");
    }
  }
  if (today.privateNetworks) {
    lose(
      "serves private networks too (warp-routing), and `up` writes a configuration without that",
      "Move them to a tunnel of their own first",
    );
  }
  const inherited = settingsIn(today.originRequest);
  if (inherited.length > 0) {
    lose(
      `has settings for all of its rules (${inherited.join(", ")}), and \`up\` drops them`,
      "Make sure that the origins work without them",
    );
  }
  for (const { endpoint, rule } of serving) {
    const { hostname } = endpoint;
    // Where nothing leads to the host, or its rule refuses everything, there are no pushes to lose.
    if (rule !== undefined && !isRefusal(rule) && isInUse(rule, endpoint, plan)) {
      findLostSettings(subject, endpoint, rule, plan);
    }
    if (rule?.hostname !== hostname) {
      note(`has no rule of its own for ${hostname} today.`);
    } else if (rule.path === "") {
      note(
        `leads the whole of ${hostname} to ${rule.service}; after \`up\` the write paths alone, the rest is 404.`,
      );
    }
  }
}

/** A rule for many host names serves one only where that has a record, or an application that somebody made for it. */
const isInUse = (rule: IngressRule, { hostname }: Endpoint, { account }: PlanInProgress): boolean =>
  rule.hostname === hostname ||
  account.records.some(({ name }) => name === hostname) ||
  account.applications.some(({ destinations }) =>
    destinations.some((uri) => coversHost(destinationOf(uri), hostname)),
  );

function findLostSettings(
  subject: string,
  { signal, hostname, origin }: Endpoint,
  { service, originRequest }: IngressRule,
  plan: PlanInProgress,
): void {
  const today = service.replace(/\/$/, "");
  if (today !== origin) {
    planMessages(`sitepass:endpoints.${signal}.origin`, plan).lose(
      `is ${origin}, and the tunnel leads ${hostname} to ${today} today`,
      originProblem(today) === undefined
        ? "Set it to that, or pushes go elsewhere from the next `up` on"
        : "Let the service listen there too, because the stack's tunnel leads to http and https addresses and to sockets alone",
    );
  }
  const settings = settingsIn(originRequest).filter((setting) => setting !== "access");
  if (settings.length > 0) {
    planMessages(subject, plan).lose(
      `its rule for ${hostname} has the settings ${settings.join(", ")}, and \`up\` drops them`,
      `Make sure that ${origin} works without them`,
    );
  }
}

/**
 * The rule that pushes to the endpoint's first path take: the first that matches. A host name matches in full, or by
 * suffix after a leading `*.` (cloudflared 2026.8.2, ingress/ingress.go, matchHost).
 */
function servingRule(rules: readonly IngressRule[], { hostname, paths }: Endpoint): IngressRule | undefined {
  return rules.find(
    (rule) =>
      (["", "*", hostname].includes(rule.hostname) ||
        (rule.hostname.startsWith("*.") && hostname.endsWith(rule.hostname.slice(1)))) &&
      matchesPath(rule.path, paths[0]),
  );
}

function matchesPath(pattern: string, path: string): boolean {
  try {
    return new RegExp(pattern).test(path);
  } catch {
    // Go knows a few forms that JavaScript does not; such a rule counts as one for something else.
    return false;
  }
}

/** A rule that refuses what no other takes leads nowhere, so that nothing is lost with it. */
const isRefusal = ({ service }: IngressRule): boolean => /^http_status:[45]/.test(service);

const routeText = ({ hostname, path }: IngressRule): string =>
  hostname === "" && path === "" ? "every other host name" : `${hostname === "" ? "*" : hostname}${path}`;

/** Names of the settings that say something; the dashboard leaves empty ones behind. */
function settingsIn(originRequest: IngressRule["originRequest"]): readonly string[] {
  return Object.entries(originRequest)
    .filter(([, value]) =>
      typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value),
    )
    .map(([name]) => name);
}
