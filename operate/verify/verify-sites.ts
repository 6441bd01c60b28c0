import type { Config } from "../../fleet/config";
import { tenantOf } from "../../fleet/names";
import { attempt, failure, success, type Result } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { noTokenProblem } from "../../stack/match-token";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import { endpointProbes, ProbeRunner, siteProbes, strictnessProbe, type Probe } from "./probes";
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
    const strict = await isStrict(runner, reachable);
    const results = await runner.run(tried);
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
    return failure({ subject: name, says, todo: "Run `sitepass rotate <site>` and `pulumi up`" });
  }
  return success(credentials);
}

/** Whether the organization is in strict mode, where that can be seen. */
async function isStrict(runner: ProbeRunner, targets: readonly Target[]): Promise<boolean | undefined> {
  for (const { endpoint } of targets) {
    const answer = await runner.ask(strictnessProbe(endpoint));
    if (answer.kind === "access") {
      return answer.status === 401;
    }
  }
  return undefined;
}

const countProbes = (groups: readonly { readonly probes: readonly Probe[] }[]): number =>
  groups.reduce((sum, { probes }) => sum + probes.length, 0);
