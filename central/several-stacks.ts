import type { StoreWindows } from "../collectors/buffers";
import { failure, success, type Problem, type Result } from "../fleet/problem";
import { signalNames } from "../fleet/signals";
import {
  secretNames,
  type CentralHost,
  type CentralProgram,
  type CentralSignal,
  type CentralSite,
  type Places,
  type SecretName,
} from "./central-host";

/** What one host of these stacks is called: no stack's name has a plus sign. */
export const joinedName = (stackNames: readonly string[]): string => [...stackNames].sort().join("+");

/** The stacks of a host of this name. */
const stackNamesIn = (hostName: string): readonly string[] => hostName.split("+");

/** As a sentence names them: `stack prod`, `stacks eu, us`. */
export function stackTitle(hostName: string): string {
  const names = stackNamesIn(hostName);
  return `${names.length === 1 ? "stack" : "stacks"} ${names.join(", ")}`;
}

/** Options by which a command works on exactly the stacks of a host of this name. */
export const stackFlags = (hostName: string): string[] =>
  stackNamesIn(hostName).flatMap((name) => ["--stack", name]);

/** The teams whose assertions are taken, each once; undefined for one stack, which needs no telling apart. */
export const teamsOf = ({ stacks }: Pick<CentralHost, "stacks">): readonly string[] | undefined =>
  stacks === undefined ? undefined : [...new Set(stacks.map(({ teamName }) => teamName))].sort();

/** The secret that holds a stack's token of its tunnel; without a stack that of the only one. */
export const tokenName = (stack: string | undefined): SecretName =>
  stack === undefined ? "tunnel-token" : `tunnel-token-${stack}`;

/** The names of several stacks; undefined for one. */
export interface SeveralStacks {
  readonly stacks?: readonly { readonly name: string }[];
}

/** Every secret that this host may have. */
export const secretNamesOf = ({ stacks }: SeveralStacks): readonly SecretName[] =>
  secretNames.flatMap((name) =>
    name === "tunnel-token" && stacks !== undefined ? stacks.map((stack) => tokenName(stack.name)) : [name],
  );

/** What a program is called where it runs. */
export const serviceName = ({ name, stack }: Pick<CentralProgram, "name" | "stack">): string =>
  stack === undefined ? name : `${name}-${stack}`;

/** Where one connector listens. */
export interface ConnectorPlace {
  /** Undefined: the only one. */
  readonly stack: string | undefined;
  readonly host: string;
  readonly port: number;
}

/** Where the connectors listen: those of several stacks are hosts of their own where programs have names, and else have a port each. */
export function connectorsOf(
  { stacks }: Pick<CentralHost, "stacks">,
  { programs: { cloudflared } }: Places,
): readonly ConnectorPlace[] {
  const { host, ports } = cloudflared;
  return stacks === undefined
    ? [{ stack: undefined, host, port: ports.http }]
    : stacks.map(({ name }, index) =>
        host === "cloudflared"
          ? { stack: name, host: serviceName({ name: "cloudflared", stack: name }), port: ports.http }
          : { stack: name, host, port: ports.http + index },
      );
}

/** The gate's page with a connector's metrics. */
export const connectorPath = ({ stack }: Pick<ConnectorPlace, "stack">): string =>
  stack === undefined ? "/metrics/connector" : `/metrics/connector/${stack}`;

/** Sites by name, each once: one that is moving has a token in two stacks, and is one site. */
export const distinctSites = (sites: readonly CentralSite[]): readonly CentralSite[] => [
  ...new Map(sites.map((site) => [site.name, site])).values(),
];

/**
 * One central host for the sites of several stacks. Who pushed is told by stack: an assertion of one stack's team is good for that stack's
 * applications and tokens alone.
 *
 * @param hosts one of each stack; a single one is returned as it is.
 */
export function joinHosts(hosts: readonly [CentralHost, ...CentralHost[]]): Result<CentralHost> {
  const [first, ...others] = [...hosts].sort((one, other) => (one.stackName < other.stackName ? -1 : 1));
  if (first === undefined || others.length === 0) {
    return success(hosts[0]);
  }
  const all = [first, ...others];
  const problems = [...others.flatMap((other) => differences(first, other)), ...sharedNames(all)];
  if (problems.length > 0) {
    return failure(...problems);
  }
  return success({
    ...first,
    stackName: joinedName(all.map(({ stackName }) => stackName)),
    stacks: all.map(({ stackName, teamName, signals }) => ({ name: stackName, teamName, signals })),
    teamName: "",
    signals: joinedSignals(all),
    sites: all
      .flatMap(({ stackName, sites }) => sites.map((site) => ({ ...site, stack: stackName })))
      .sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0)),
    windows: widest(all.map(({ windows }) => windows)),
    alertEmails: [...new Set(all.flatMap(({ alertEmails }) => alertEmails))],
  });
}

/** What the slowest collectors of all need. */
const widest = (all: readonly StoreWindows[]): StoreWindows => {
  const most = (window: keyof StoreWindows): number => Math.max(...all.map((one) => one[window]));
  return {
    outOfOrderTimeWindow: most("outOfOrderTimeWindow"),
    rejectOldSamplesMaxAge: most("rejectOldSamplesMaxAge"),
    maxChunkAge: most("maxChunkAge"),
    queryIngestersWithin: most("queryIngestersWithin"),
  };
};

/** Settings that a central host has once. */
const shared: readonly (readonly [key: string, of: (central: CentralHost) => unknown])[] = [
  ["identity", ({ identity }) => identity],
  ["siteLabel", ({ siteLabel }) => siteLabel],
  [
    "central",
    ({ limits, retentionDays, ownStores, mail }) => ({
      limits,
      retentionDays,
      stores: Object.fromEntries(
        signalNames.map((signal) => [
          signal,
          ownStores[signal] && {
            url: ownStores[signal].url.href,
            takesExtraLabel: ownStores[signal].takesExtraLabel,
          },
        ]),
      ),
      mail,
    }),
  ],
];

function differences(first: CentralHost, other: CentralHost): readonly Problem[] {
  const text = (value: unknown): string =>
    typeof value === "string" ? value : JSON.stringify(sorted(value));
  return shared.flatMap(([key, of]) => {
    const [one, two] = [text(of(first)), text(of(other))];
    return one === two
      ? []
      : {
          subject: `sitepass:${key}`,
          says: `is ${one} in stack ${first.stackName} and ${two} in stack ${other.stackName}, and one central host has one`,
          todo: "Make it the same in both, or render a central host for each",
        };
  });
}

/** With the keys of every object in one order. */
const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([key, inner]) => [key, sorted(inner)]),
      )
    : value;

/** A name stands for one site, whichever token it pushes with; only one that is moving has two. */
function sharedNames(all: readonly CentralHost[]): readonly Problem[] {
  const stacksOf = new Map<string, string[]>();
  const moving = new Set<string>();
  for (const { stackName, sites } of all) {
    for (const { name, movingTo } of sites) {
      stacksOf.set(name, [...(stacksOf.get(name) ?? []), stackName]);
      if (movingTo !== undefined) {
        moving.add(name);
      }
    }
  }
  return [...stacksOf]
    .filter(([name, stacks]) => stacks.length > (moving.has(name) ? 2 : 1))
    .map(([name, stacks]) => ({
      subject: `sites/${name}`,
      says: `is a site of the stacks ${stacks.join(" and ")}, and is not moving from one to the other`,
      todo: "Give each stack a sitepass:shard of its own, and each site the shard of one of them",
    }));
}

function joinedSignals(all: readonly CentralHost[]): readonly CentralSignal[] {
  return signalNames.flatMap((name) => {
    const ofStacks = all.flatMap(({ signals }) => signals.filter(({ signal }) => signal === name));
    const [first] = ofStacks;
    const [path, ...paths] = new Set(ofStacks.flatMap((signal) => signal.paths));
    return first === undefined || path === undefined
      ? []
      : {
          ...first,
          paths: [path, ...paths],
          audiences: [...new Set(ofStacks.flatMap(({ audiences }) => audiences))],
        };
  });
}
