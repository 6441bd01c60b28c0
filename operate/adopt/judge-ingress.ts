import type { Config, Endpoint } from "../../fleet/config";
import type { AccountTunnel } from "../../cloudflare/tunnels";
import { nothing, type Part } from "./part";
import type { Ingress, IngressRule } from "./read-ingress";

/** What leads through the tunnel today and will not after `up`, which replaces its rules by those of the write paths. */
export function judgeIngress(
  { name }: Pick<AccountTunnel, "name">,
  { rules, originRequest, privateNetworks }: Ingress,
  { endpoints }: Pick<Config, "endpoints">,
): Part {
  const subject = `tunnel "${name}"`;
  const serving = endpoints.map((endpoint) => ({ endpoint, rule: servingRule(rules, endpoint) }));
  const hosts = endpoints.map(({ hostname }) => hostname);
  const others = rules.filter(
    (rule) =>
      !isRefusal(rule) && !(hosts.includes(rule.hostname) && serving.some((one) => one.rule === rule)),
  );
  const inherited = settingsIn(originRequest);
  return {
    ...nothing,
    losses: [
      ...others.map((rule) =>
        hosts.includes(rule.hostname)
          ? `${subject}: leads ${placeOf(rule)} to ${rule.service}, and \`up\` leaves nothing of that host but its write paths. Move it to another host name first.`
          : `${subject}: leads ${placeOf(rule)} to ${rule.service}, and \`up\` replaces its rules by those of this stack. Move that to a tunnel of its own first.`,
      ),
      ...(privateNetworks
        ? [
            `${subject}: serves private networks too (warp-routing), and \`up\` writes a configuration without that. Move them to a tunnel of their own first.`,
          ]
        : []),
      ...(inherited.length === 0
        ? []
        : [
            `${subject}: has settings for all of its rules (${inherited.join(", ")}), and \`up\` drops them. Make sure that the origins do without.`,
          ]),
      ...serving.flatMap(({ endpoint, rule }) =>
        rule === undefined ? [] : servingLosses(subject, endpoint, rule),
      ),
    ],
    notes: serving.flatMap(({ endpoint, rule }) => servingNotes(subject, endpoint, rule)),
  };
}

function servingLosses(
  subject: string,
  { signal, hostname, origin }: Endpoint,
  rule: IngressRule,
): readonly string[] {
  const settings = settingsIn(rule.originRequest).filter((setting) => setting !== "access");
  return [
    ...(rule.service.replace(/\/$/, "") === origin
      ? []
      : [
          `sitepass:endpoints.${signal}.origin: is ${origin}, and the tunnel leads ${hostname} to ${rule.service} today. Set it to that, or pushes go elsewhere from the next \`up\` on.`,
        ]),
    ...(settings.length === 0
      ? []
      : [
          `${subject}: its rule for ${hostname} has the settings ${settings.join(", ")}, and \`up\` drops them. Make sure that ${origin} does without.`,
        ]),
  ];
}

function servingNotes(
  subject: string,
  { hostname }: Endpoint,
  rule: IngressRule | undefined,
): readonly string[] {
  if (rule?.hostname !== hostname) {
    return [`${subject}: leads ${hostname} nowhere of its own today.`];
  }
  return rule.path === ""
    ? [
        `${subject}: leads the whole of ${hostname} to ${rule.service}; after \`up\` the write paths alone, the rest is 404.`,
      ]
    : [];
}

/** The rule that pushes to the endpoint's first path take: the first that matches. */
function servingRule(rules: readonly IngressRule[], { hostname, paths }: Endpoint): IngressRule | undefined {
  return rules.find((rule) => matchesHost(rule.hostname, hostname) && matchesPath(rule.path, paths[0]));
}

/** cloudflared 2026.8.2, ingress/ingress.go, matchHost: in full, or by suffix after a leading `*.`. */
function matchesHost(pattern: string, host: string): boolean {
  return (
    pattern === "" ||
    pattern === "*" ||
    pattern === host ||
    (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)))
  );
}

function matchesPath(pattern: string, path: string): boolean {
  try {
    return pattern === "" || new RegExp(pattern).test(path);
  } catch {
    // Go knows a few forms that are none here; such a rule counts as one for something else.
    return false;
  }
}

/** A rule that refuses what no other takes leads nowhere, so that nothing is lost with it. */
const isRefusal = ({ service }: IngressRule): boolean => /^http_status:[45]/.test(service);

const placeOf = ({ hostname, path }: IngressRule): string =>
  hostname === "" && path === "" ? "every other host name" : `${hostname === "" ? "*" : hostname}${path}`;

/** Names of the settings that say something; the dashboard leaves empty ones behind. */
function settingsIn(originRequest: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(originRequest)
    .filter(([, value]) =>
      typeof value === "object" && value !== null
        ? Object.keys(value).length > 0
        : value !== undefined && value !== null && value !== false && value !== "" && value !== 0,
    )
    .map(([name]) => name);
}
