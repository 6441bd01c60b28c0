import type { Config } from "../../fleet/config";
import { tenantOf } from "../../fleet/names";
import { attempt, failure, success, type Result } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { noTokenProblem } from "../../stack/match-token";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import {
  endpointProbes,
  passedAccess,
  ProbeRunner,
  siteProbes,
  type Probe,
  type ProbeResult,
} from "./probes";
import type { Target } from "./remedies";
import { openTransport, type TransportOptions } from "./transport";
import { endpointVerdict, siteVerdict, type FleetVerdict } from "./verdict";
import { watchSites, type Watch } from "./watch";

/** By default 16 requests at a time, and 10 seconds for each. */
export interface VerifyOptions extends Partial<TransportOptions> {
  readonly config: Pick<Config, "endpoints" | "publish" | "tenant">;
  readonly outputs: RevealedOutputs;
  /** Called with the number of requests that were made or skipped, and that of all requests of this look. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** The clock, to say what has expired. Default: the machine's. */
  readonly now?: () => Date;
  /** Look again until nothing is wrong. Without it, there is one look. */
  readonly watch?: Watch | undefined;
  /**
   * Reads the stack's outputs anew for each further look, because an `up` may change them meanwhile. While one runs, the stack may
   * not be readable: after a UserError the outputs stay as they were.
   */
  readonly readOutputs?: (() => Promise<RevealedOutputs>) | undefined;
}

/**
 * Sends real requests with the stored secrets of these sites, and says what came of them. Nothing that is sent is stored, because
 * pushes have no body. fleetProblems lists what is wrong.
 */
export async function verifySites(sites: readonly Site[], options: VerifyOptions): Promise<FleetVerdict> {
  const { watch, readOutputs, abort } = options;
  if (watch === undefined) {
    return lookOnce(sites, options);
  }
  let { outputs } = options;
  let looks = 0;
  return watchSites(sites, {
    ...watch,
    abort,
    look: async (some) => {
      looks += 1;
      if (looks > 1 && readOutputs !== undefined) {
        const read = await attempt(readOutputs);
        outputs = read.ok ? read.value : outputs;
      }
      return lookOnce(some, { ...options, outputs });
    },
  });
}

async function lookOnce(sites: readonly Site[], options: VerifyOptions): Promise<FleetVerdict> {
  const { config, outputs, via, concurrency = 16, requestTimeout = 10_000 } = options;
  const { abort, onProgress, now = () => new Date() } = options;
  const { endpoints, publish, tenant } = config;
  const targets = endpoints.map((endpoint) => ({ endpoint, publish }));
  const forEverybody = targets.map((target) => ({ target, probes: endpointProbes(target.endpoint) }));
  const plans = sites.map((site) => {
    const stored = storedCredentials(site, outputs);
    const asked = stored.ok
      ? targets.map((target) => ({
          target,
          probes: siteProbes(site, target.endpoint, stored.value, tenantOf(tenant, site.name)),
        }))
      : [];
    return { site, stored, asked };
  });
  const forSites = plans.flatMap(({ asked }) => asked);
  const total = countProbes(forEverybody) + countProbes(forSites);
  let done = 0;
  const progress = (more: number) => {
    done += more;
    onProgress?.(done, total);
  };
  const transport = openTransport({ via, concurrency, requestTimeout, abort });
  try {
    const runner = new ProbeRunner({
      transport,
      publish: publish.kind,
      concurrency,
      abort,
      onDone: progress,
    });
    const general = await runner.run(forEverybody);
    // Where nobody gets an answer, no site is tried.
    const reachable = [...general]
      .filter(([, some]) => some.some(({ answer }) => answer.kind !== "network"))
      .map(([{ target }]) => target);
    const tried = forSites.filter(({ target }) => reachable.includes(target));
    progress(countProbes(forSites) - countProbes(tried));
    const results = await runner.run(tried);
    const strict = isStrict(
      [...general].map(([{ target }, probes]) => ({ target, probes })),
      plans.map(({ asked }) => asked.map((group) => ({ ...group, probes: results.get(group) ?? [] }))),
    );
    const endpointVerdicts = [...general].map(([{ target }, probes]) => endpointVerdict(target, probes));
    const siteVerdicts = plans.map(({ site, stored, asked }) =>
      stored.ok
        ? siteVerdict(
            { site, credentials: stored.value, strict, now: now() },
            asked.map((group) => ({ target: group.target, results: results.get(group) })),
          )
        : { site: site.name, ok: false, problems: stored.problems, signals: [] },
    );
    return {
      ok: [...endpointVerdicts, ...siteVerdicts].every(({ ok }) => ok),
      endpoints: endpointVerdicts,
      sites: siteVerdicts,
    };
  } finally {
    transport.close();
  }
}

/** What the stack holds of a site's token, or why nothing can be tried with it. */
function storedCredentials({ name }: Site, { sites }: RevealedOutputs): Result<SiteCredentials> {
  const credentials = sites[name];
  if (credentials === undefined) {
    return failure(noTokenProblem(name));
  }
  if (credentials.clientSecret === "") {
    const says = "its token was adopted, and the stack does not know its secret";
    return failure({ subject: name, says, todo: "Run `npx sitepass rotate <site>` and `pulumi up`" });
  }
  return success(credentials);
}

interface Tried {
  readonly target: Target;
  readonly probes: readonly ProbeResult[];
}

/**
 * Whether the organization is in strict mode, where that can be seen: a whole host that answers 401 to requests without
 * credentials answers a good secret with 403 in strict mode, and else with 401 (docs/facts/edge.md, E17 and E18).
 */
function isStrict(general: readonly Tried[], sites: readonly (readonly Tried[])[]): boolean | undefined {
  const statuses = (probes: readonly ProbeResult[]) =>
    probes.flatMap(({ kind, answer }) => (kind === "read" && answer.kind === "access" ? answer.status : []));
  const telling = general.filter(({ probes }) => statuses(probes).includes(401)).map(({ target }) => target);
  const seen = sites.map((tried) => ({
    isGood: tried.some(({ probes }) => probes.some((one) => one.kind === "push" && passedAccess(one))),
    answers: tried.flatMap(({ target, probes }) => (telling.includes(target) ? statuses(probes) : [])),
  }));
  if (seen.some(({ answers }) => answers.includes(403))) {
    return true;
  }
  return seen.some(({ isGood, answers }) => isGood && answers.length > 0) ? false : undefined;
}

const countProbes = (groups: readonly { readonly probes: readonly Probe[] }[]): number =>
  groups.reduce((sum, { probes }) => sum + probes.length, 0);
