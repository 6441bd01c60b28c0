import { storeWindows } from "../collectors/buffers";
import { collectorNames } from "../fleet/collector-names";
import type { Endpoint } from "../fleet/config";
import { failure, orThrow, type Problem } from "../fleet/problem";
import { signalNames } from "../fleet/signals";
import { resourceTypes } from "../provision/declared-objects";
import type { OpenStack } from "../stack/open-stack";
import type { IngressInState } from "../stack/stack-resources";
import type { CentralHost, SecretName } from "./central-host";
import { joinHosts } from "./several-stacks";

/**
 * Reads what a stack's central host is made from: its configuration and sites, and what the last `up` made of them.
 *
 * @param secrets that lie in the folder already, or will.
 * @throws UserError when the stack is published without a tunnel, or no `up` has made the tunnel's ingress yet.
 */
export async function readCentralHost(
  { stackName, config, sites, outputs, resources }: OpenStack,
  secrets: ReadonlySet<SecretName>,
): Promise<CentralHost> {
  const { identity, siteLabel, endpoints, alertEmails, central } = config;
  if (config.publish.kind === "addresses") {
    return orThrow(
      failure({
        subject: "sitepass:publish",
        says: "says addresses, and the central host that is rendered takes its requests from cloudflared",
        todo: "Publish through a tunnel, or run the central host by hand",
      }),
    );
  }
  const { sites: credentials } = await outputs();
  const ingress = (await resources())
    .filter(({ type }) => type === resourceTypes.ingress)
    .flatMap((resource) => resource.ingress ?? []);
  const rules = endpoints.map((endpoint) => ({ endpoint, rule: ruleFor(endpoint, ingress) }));
  const missing = rules.flatMap(({ endpoint, rule }) => (rule === undefined ? [missingRule(endpoint)] : []));
  if (missing.length > 0) {
    orThrow(failure(...missing));
  }
  return {
    stackName,
    identity,
    siteLabel,
    teamName: config.teamName || (rules[0]?.rule?.teamName ?? ""),
    signals: rules.map(({ endpoint: { signal, hostname, paths, origin }, rule }) => ({
      signal,
      hostname,
      paths,
      audiences: rule?.audiences ?? [],
      origin: rule?.service ?? origin,
    })),
    sites: sites.map(({ name, signals, movingTo, token: { enabled } }) => ({
      name,
      clientId: credentials[name]?.clientId,
      signals,
      enabled,
      movingTo,
    })),
    limits: central.limits,
    retentionDays: central.retentionDays,
    // Every collector where a site does not say which it runs.
    windows: storeWindows([...new Set(sites.flatMap(({ collector }) => collector ?? collectorNames))]),
    ownStores: Object.fromEntries(
      signalNames.flatMap((signal) => {
        const store = central.stores[signal];
        return store === undefined
          ? []
          : [
              [
                signal,
                {
                  url: new URL(store.url),
                  takesExtraLabel: "kind" in store && store.kind === "victoriametrics",
                },
              ],
            ];
      }),
    ),
    alertEmails,
    mail: central.mail,
    secrets,
  };
}

/**
 * The same for the one central host of several stacks.
 *
 * @param read tests hand in another.
 * @throws UserError beside, with what they cannot share.
 */
export async function readCentralHosts(
  stacks: readonly [OpenStack, ...OpenStack[]],
  secrets: ReadonlySet<SecretName>,
  read: typeof readCentralHost = readCentralHost,
): Promise<CentralHost> {
  const [first, ...others] = stacks;
  const hosts: [CentralHost, ...CentralHost[]] = [await read(first, secrets)];
  for (const stack of others) {
    hosts.push(await read(stack, secrets));
  }
  return orThrow(joinHosts(hosts));
}

const ruleFor = ({ hostname }: Endpoint, ingress: readonly IngressInState[]): IngressInState | undefined =>
  ingress.find((rule) => rule.hostname === hostname && rule.audiences.length > 0);

const missingRule = ({ signal, hostname }: Endpoint): Problem => ({
  subject: `sitepass:endpoints.${signal}.hostname`,
  says: `is "${hostname}", and the stack's tunnel does not lead there yet`,
  todo: "Run `pulumi up` first: the gate has to know which application's assertions to take",
});
