import type { Problem } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import { someOf } from "../../fleet/wording";
import { describeAnswer } from "./answer";
import { expectationOf, passedAccess, type Expectation, type ProbeResult } from "./probes";
import { likelyCause, remedyFor, type PlaceProblem, type Target, type TriedSite } from "./remedies";

export interface FleetVerdict {
  readonly ok: boolean;
  readonly endpoints: readonly EndpointVerdict[];
  /** In the order in which the sites were given. */
  readonly sites: readonly SiteVerdict[];
}

interface TriedPlace {
  readonly signal: SignalName;
  readonly ok: boolean;
  /** In the order in which they were planned; empty when nothing was tried, which `problems` explains. */
  readonly probes: readonly ProbeResult[];
  readonly problems: readonly PlaceProblem[];
}

/** What holds for everybody at one endpoint: requests without credentials. */
export interface EndpointVerdict extends TriedPlace {
  readonly hostname: string;
}

/** One site and one signal. */
export interface SignalVerdict extends TriedPlace {
  /** Whether the site's pushes are to be delivered; otherwise they are to be refused. */
  readonly expected: Expectation;
}

export interface SiteVerdict {
  readonly site: string;
  readonly ok: boolean;
  /** Of the site as a whole, such as that it was never provisioned. */
  readonly problems: readonly PlaceProblem[];
  /** One for each endpoint of the stack, in the order of the signal table. */
  readonly signals: readonly SignalVerdict[];
}

/** All problems of a verdict, hosts first; what several sites have in common is said once. */
export function fleetProblems({ endpoints, sites }: FleetVerdict): readonly Problem[] {
  const ofSites = sites.flatMap(({ site, problems, signals }) => [
    ...problems.map((problem) => ({ site, what: "", ...problem })),
    ...signals.flatMap(({ signal, problems: those }) =>
      those.map((problem) => ({ site, what: ` (${signal})`, ...problem })),
    ),
  ]);
  return [
    ...endpoints.flatMap(({ signal, hostname, problems }) =>
      problems.map((problem) => ({ subject: `${hostname} (${signal})`, ...problem })),
    ),
    ...groupBy(ofSites, ({ what, says, todo }) => [what, says, todo]).map((group) => {
      const [{ site, what, says, todo }] = group;
      const names = group.map((one) => one.site);
      return {
        subject: `${someOf(names, 3)}${what}`,
        says,
        todo: names.length === 1 ? withSiteName(todo, site) : todo,
      };
    }),
  ];
}

/** Puts a site's name into what is to be done. */
export const withSiteName = (todo: string, site: string): string => todo.replaceAll("<site>", site);

export function endpointVerdict(target: Target, probes: readonly ProbeResult[]): EndpointVerdict {
  const { signal, hostname } = target.endpoint;
  const ok = probes.every((probe) => probe.ok);
  return { signal, hostname, ok, probes, problems: groupedProblems(probes, target, undefined) };
}

/** @param places with undefined results where nothing was tried, because the host answered nobody. */
export function siteVerdict(
  tried: Omit<TriedSite, "letInSomewhere">,
  places: readonly { readonly target: Target; readonly results: readonly ProbeResult[] | undefined }[],
): SiteVerdict {
  const letInSomewhere = places.some(({ results = [] }) =>
    results.some((result) => result.kind === "push" && passedAccess(result)),
  );
  const signals = places.map(({ target, results }): SignalVerdict => {
    const { signal, hostname } = target.endpoint;
    const expected = expectationOf(tried.site, signal);
    if (results === undefined) {
      const says = `nothing was tried, because ${hostname} answers nobody`;
      return { signal, expected, ok: false, probes: [], problems: [{ says, todo: "Fix that first" }] };
    }
    const problems = groupedProblems(results, target, { ...tried, letInSomewhere });
    return { signal, expected, ok: results.every(({ ok }) => ok), probes: results, problems };
  });
  return { site: tried.site.name, ok: signals.every(({ ok }) => ok), problems: [], signals };
}

/**
 * What is wrong at one endpoint, each reason once, however many requests it concerns.
 *
 * @param tried undefined: everybody, without credentials.
 */
function groupedProblems(
  results: readonly ProbeResult[],
  target: Target,
  tried: TriedSite | undefined,
): readonly PlaceProblem[] {
  const wrong = results
    .filter(({ ok }) => !ok)
    .map((result) => ({ result, problem: problemOf(result, target, tried) }));
  return groupBy(wrong, ({ problem }) => [problem.says, problem.todo]).map((group) => {
    const [{ result, problem }] = group;
    const { kind, method, path, answer } = result;
    const sent =
      tried === undefined ? " without credentials" : kind === "wrong-secret" ? " with a wrong secret" : "";
    const request = `${method} ${path}${sent}`;
    const [gets, get] =
      answer.kind === "network" ? ["gets", "get"] : ["is answered with", "are answered with"];
    const asked =
      group.length === 1 ? `${request} ${gets}` : `${request} and ${group.length - 1} more ${get}`;
    return { says: `${asked} ${problem.says}`, todo: problem.todo };
  });
}

/** `says` begins after the verb. */
function problemOf(result: ProbeResult, target: Target, tried: TriedSite | undefined): PlaceProblem {
  const { kind, expected, answer } = result;
  const { signal } = target.endpoint;
  const described = describeAnswer(answer);
  if (expected === "delivered" && answer.kind === "access" && tried !== undefined) {
    const { says, todo } = likelyCause({ ...tried, signal, status: answer.status, text: answer.text });
    return { says: `${described}: ${says}`, todo };
  }
  if (expected === "delivered" || !passedAccess(result)) {
    return { says: described, todo: remedyFor(answer, target) };
  }
  if (kind !== "push") {
    const lost = kind === "read" ? "the application on the whole host" : "application and policies";
    return {
      says: `${described}, where Access should refuse it`,
      todo: `Run \`pulumi up --refresh\`, which puts ${lost} back`,
    };
  }
  return tried?.site.token.enabled === false
    ? {
        says: `${described}, though token.enabled is false`,
        todo: "Run `pulumi up --refresh`, or `npx sitepass revoke <site> --immediately` to disable the token at once",
      }
    : {
        says: `${described}, though the site's signals do not name ${signal}`,
        todo: "Run `pulumi up --refresh`, which takes the token out of the policies",
      };
}

/** Groups of items with the same key, in the order of their first items. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => readonly string[]): readonly [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [item]);
    } else {
      group.push(item);
    }
  }
  return [...groups.values()];
}
