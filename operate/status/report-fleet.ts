import writeFileAtomic from "write-file-atomic";
import { listApplicationsWithRules, type AccountApplication } from "../../cloudflare/access-applications";
import { readPolicies } from "../../cloudflare/access-policies";
import { wholeTokenProblem } from "../../cloudflare/api-token";
import { answered, unseenProblems, type CallResult } from "../../cloudflare/client";
import { listTokens, readTokens } from "../../cloudflare/service-tokens";
import type { Endpoint } from "../../fleet/config";
import { attempt, distinctProblems, problemsOf, type Problem, type Result } from "../../fleet/problem";
import { systemReason, systemRemedy } from "../../fleet/system-errors";
import { nearest } from "../../fleet/wording";
import { resourceTypes } from "../../provision/declared-objects";
import type { OpenStack } from "../../stack/open-stack";
import { secretVersionsIn, type StackResource } from "../../stack/stack-resources";
import { attachedByHand, missingApplications, type OwnApplicationsContext } from "../own-applications";
import { findLostTunnels, lostTunnelProblem, type LostTunnel } from "../lost-tunnel";
import { ownershipOf, type Ownership } from "../ownership";
import { sitesOfOtherStacks } from "../select-sites";
import { fleetStatus, type FleetFacts, type StackToken } from "./fleet-status";
import { findLeftOvers } from "./left-over";
import { openMetrics } from "./open-metrics";
import type { FleetReport, SiteStatus } from "./site-status";
import { blindnessProblems, endpointAccess, type Thresholds } from "./site-troubles";

export interface ReportOptions extends Thresholds {
  readonly stackName: string;
  /** The only sites to report; none: all. The metrics are of all sites in any case. */
  readonly sites?: readonly string[];
  /** Where to write the report as gauges, whatever it says; see open-metrics.ts. */
  readonly metricsFile?: string | undefined;
}

/**
 * Reports the fleet: what its files, the stack's state and the account say of each site, and what is wrong.
 *
 * @param opened the stack; of one that cannot be opened nothing is known, and that is an alarm.
 */
export async function reportFleet(
  opened: Result<OpenStack>,
  { sites = [], metricsFile, ...options }: ReportOptions,
): Promise<FleetReport> {
  let report: FleetReport;
  try {
    report = opened.ok ? await reportAll(opened.value, options) : unreadableFleet(options, opened.problems);
  } catch (error) {
    // A bug: the metrics must not go on showing what was true before it.
    const bug = { subject: "sitepass status", says: String(error), todo: "Report it" };
    await writeMetrics(unreadableFleet(options, [bug]), metricsFile);
    throw error;
  }
  const unwritten = await writeMetrics(report, metricsFile);
  const shown = opened.ok ? onlyNamed(report, opened.value, sites) : report;
  return { ...shown, alarms: [...shown.alarms, ...unwritten] };
}

async function reportAll(
  stack: OpenStack,
  { stackName, ...thresholds }: Thresholds & Pick<ReportOptions, "stackName">,
): Promise<FleetReport> {
  const state = readStackTokens(stack);
  const [{ tokens: stackTokens, ownership, problems: unreadable }, account] = await Promise.all([
    state,
    readAccount(stack, state),
  ]);
  const facts: FleetFacts = {
    sites: stack.sites,
    elsewhere: stack.elsewhere,
    ownPrefix: stack.ownPrefix,
    stackTokens,
    tokens: account.tokens,
    allTokensShown: account.allTokensShown,
    endpoints: account.endpoints,
  };
  const sites = fleetStatus(facts, thresholds);
  const problems = distinctProblems([...unreadable, ...account.problems]);
  return {
    stackName,
    at: thresholds.now,
    readable: problems.length === 0,
    alarms: [
      ...problems,
      ...lostTunnelProblems(stack, account.lostTunnels),
      ...account.leftOvers,
      ...endpointProblems(facts, sites),
      ...blindnessProblems(sites, thresholds),
      ...stack.config.endpoints.flatMap((endpoint) => byHand(endpoint, { ...account, ownership })),
    ],
    warnings: account.warnings,
    sites,
    apiCalls: account.apiCalls,
  };
}

/** What there is to report when not even the stack could be opened. */
export function unreadableFleet(
  { stackName, now }: Pick<ReportOptions, "stackName" | "now">,
  alarms: readonly Problem[],
): FleetReport {
  return { stackName, at: now, readable: false, alarms, warnings: [], sites: [], apiCalls: 0 };
}

/** What somebody did to the stack's own applications; that the one on the write paths is missing, each site says. */
function byHand(
  endpoint: Endpoint,
  {
    applications,
    ...context
  }: Omit<OwnApplicationsContext, "applications"> & Pick<AccountReading, "applications">,
): readonly Problem[] {
  if (applications === undefined) {
    return [];
  }
  const all = { ...context, applications };
  return [...missingApplications(all, endpoint, ["wholeHost"]), ...attachedByHand(all, endpoint)];
}

/** Endpoints of which it cannot be told whom they let in, once for each that a provisioned site pushes to. */
function endpointProblems({ endpoints }: FleetFacts, sites: readonly SiteStatus[]): readonly Problem[] {
  const used = new Set(
    sites.flatMap(({ state, enabledInFile, signals }) =>
      state === "provisioned" && enabledInFile === true ? signals : [],
    ),
  );
  return [...endpoints].flatMap(([signal, access]) => (used.has(signal) ? problemsOf(access) : []));
}

/** Nothing where the stack has given its tunnel up: then it is only to be taken out of the state, and `up` says so. */
function lostTunnelProblems(
  { stackName, config: { publish } }: OpenStack,
  tunnels: readonly LostTunnel[],
): readonly Problem[] {
  return publish.kind === "tunnel"
    ? tunnels.map((tunnel) => lostTunnelProblem(publish.name, tunnel, { stackName }))
    : [];
}

interface StackReading {
  readonly tokens: FleetFacts["stackTokens"];
  readonly ownership: Ownership;
  /** All of the state; none when it could not be read, or the stack was never brought up. */
  readonly resources: readonly StackResource[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the tokens in the stack's state, by site; undefined when nothing of the state could be read. The state's resources
 * say which tokens are the stack's even after an `up` that failed half-way, and its outputs have the rest. A stack that was
 * never brought up has neither, and that is no problem.
 */
async function readStackTokens(stack: OpenStack): Promise<StackReading> {
  const [resources, outputs] = await Promise.all([attempt(stack.resources), attempt(stack.outputs)]);
  const ownership = ownershipOf(resources, stack.ownPrefix);
  if (!resources.ok && !outputs.ok) {
    return {
      tokens: undefined,
      ownership,
      resources: [],
      problems: [...resources.problems, ...outputs.problems],
    };
  }
  const found = resources.ok ? resources.value : [];
  const sites = outputs.ok ? outputs.value.sites : {};
  const ids = new Map(
    found.filter(({ type }) => type === resourceTypes.token).map(({ name, id }) => [name, id]),
  );
  const versions = secretVersionsIn(found);
  const neverUp = resources.ok && found.length === 0;
  return {
    ownership,
    tokens: new Map(
      [...new Set([...ids.keys(), ...Object.keys(sites)])].map((name): [string, StackToken] => {
        const output = sites[name];
        return [
          name,
          {
            tokenId: ids.get(name),
            clientId: output?.clientId,
            expiresAt: output?.expiresAt,
            hasSecret: output === undefined ? undefined : output.clientSecret !== "",
            secretVersion: versions.get(name),
          },
        ];
      }),
    ),
    resources: found,
    problems: [...problemsOf(resources), ...(neverUp ? [] : problemsOf(outputs))],
  };
}

interface AccountReading extends Pick<FleetFacts, "tokens" | "allTokensShown" | "endpoints"> {
  /** Undefined when they could not be read. */
  readonly applications: readonly AccountApplication[] | undefined;
  /** False where Cloudflare has more applications than it shows. */
  readonly complete: boolean;
  /** What is named as this stack's, and stands in the way of its next `up`. */
  readonly leftOvers: readonly Problem[];
  /** Of the state, without which no site can push. */
  readonly lostTunnels: readonly LostTunnel[];
  /** That the API token is shown a part of the account alone. */
  readonly warnings: readonly Problem[];
  /** Why something could not be read. Not having been read is never a pass. */
  readonly problems: readonly Problem[];
  /** Requests to Cloudflare, retries included. */
  readonly apiCalls: number;
}

/** Two or three listings, at 1,000 entries a call, and a look at the tunnel, while the stack's state is read. */
async function readAccount(stack: OpenStack, state: Promise<StackReading>): Promise<AccountReading> {
  const opened = await attempt(stack.cloudflareApi);
  if (!opened.ok) {
    return {
      tokens: undefined,
      allTokensShown: true,
      applications: undefined,
      complete: true,
      endpoints: new Map(),
      leftOvers: [],
      lostTunnels: [],
      problems: opened.problems,
      warnings: [],
      apiCalls: 0,
    };
  }
  const api = opened.value;
  const { accountId, endpoints } = stack.config;
  const [listedTokens, listedApplications] = await Promise.all([
    listTokens(api, accountId),
    listApplicationsWithRules(api, accountId),
  ]);
  const [tokens, applications] = await Promise.all([
    attempt(() => answered(listedTokens, "list the account's service tokens", readTokens)),
    attempt(() => answered(listedApplications, "list the account's Access applications", readPolicies)),
  ]);
  // Refused altogether, it is more likely the API token than two of its permissions.
  const problems = distinctProblems([...problemsOf(tokens), ...problemsOf(applications)]);
  const cause =
    problems.length > 1 && isRefused(listedTokens) && isRefused(listedApplications)
      ? await wholeTokenProblem(api, accountId)
      : undefined;
  const held = await state;
  const [leftOvers, tunnels] = await Promise.all([
    applications.ok && held.resources.length > 0
      ? findLeftOvers(stack, api, applications.value, held)
      : Promise.resolve([]),
    // Where nothing can be read at all, one more refusal says nothing new.
    tokens.ok || applications.ok ? findLostTunnels(api, accountId, held.resources) : undefined,
  ]);
  return {
    tokens: tokens.ok ? tokens.value : undefined,
    allTokensShown: allShown(listedTokens),
    applications: applications.ok ? applications.value : undefined,
    complete: allShown(listedApplications),
    leftOvers,
    lostTunnels: tunnels?.lost ?? [],
    warnings: [
      ...unseenProblems(listedTokens, "service tokens"),
      ...unseenProblems(listedApplications, "Access applications"),
    ],
    endpoints: new Map(
      applications.ok
        ? endpoints.map((endpoint) => [endpoint.signal, endpointAccess(endpoint, applications.value)])
        : [],
    ),
    problems: [...(cause === undefined ? problems : [cause]), ...(tunnels?.problems ?? [])],
    apiCalls: api.requestCount(),
  };
}

/** As for a missing permission, or an API token that is none. */
const isRefused = (result: CallResult<unknown>): boolean =>
  result.kind === "forbidden" ||
  (result.kind === "failed" && (result.status === 401 || result.status === 403));

const allShown = (listed: CallResult<unknown>): boolean =>
  listed.kind !== "answered" || listed.unseen === undefined;

/** Only the named sites, whether declared or not; a name that is not a site of this stack is an alarm in place of them all. */
function onlyNamed(report: FleetReport, stack: OpenStack, names: readonly string[]): FleetReport {
  if (names.length === 0) {
    return report;
  }
  const known = [...new Set(report.sites.map(({ site }) => site))];
  const others = [...new Set(names)].filter((name) => !known.includes(name));
  const alarms = [
    ...others
      .filter((name) => stack.elsewhere.every((site) => site.name !== name))
      .map((name) => {
        const close = nearest(name, known);
        return {
          subject: name,
          says: "is not a site, neither by a file in sites/ nor by a token",
          todo: close === undefined ? "Leave it out to see all" : `Did you mean ${close}?`,
        };
      }),
    ...sitesOfOtherStacks(stack, others),
  ];
  const sites = alarms.length > 0 ? [] : report.sites.filter(({ site }) => names.includes(site));
  return { ...report, sites, alarms: [...report.alarms, ...alarms] };
}

/** @returns why the file could not be written, if it could not. */
async function writeMetrics(report: FleetReport, file: string | undefined): Promise<readonly Problem[]> {
  if (file === undefined) {
    return [];
  }
  try {
    // Nothing in it is secret, and node_exporter runs as another user.
    await writeFileAtomic(file, openMetrics(report), { mode: 0o644 });
    return [];
  } catch (error) {
    return [
      {
        subject: file,
        says: `cannot be written (${systemReason(error)})`,
        todo: systemRemedy(error, "Create its folder, and let this user write there"),
      },
    ];
  }
}
