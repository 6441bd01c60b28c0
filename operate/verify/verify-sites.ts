import type { Config, Endpoint } from "../../fleet/config";
import type { Site } from "../../fleet/sites";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { ProbeRunner, type Place } from "./probe-runner";
import { endpointProbes, siteProbes, strictnessProbe } from "./probes";
import { endpointVerdict, siteVerdict } from "./judge-places";
import { storedCredentials } from "./stored-credentials";
import { openTransport } from "./transport";
import type { FleetVerdict } from "./verdict";
import type { Via } from "./via";

export interface VerifyOptions {
  readonly config: Pick<Config, "endpoints" | "publish">;
  readonly outputs: RevealedOutputs;
  /** Where every request goes instead of to the public hosts; the Host header stays. See parseVia. */
  readonly via?: Via | undefined;
  /** Requests at a time. Default 16. */
  readonly concurrency?: number;
  /** How long one request may take, in milliseconds. Default 10,000. */
  readonly requestTimeout?: number;
  /** Ends all requests; the promise then rejects. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** The clock, to say what has expired. Default: the machine's. */
  readonly now?: () => Date;
}

/**
 * Sends real requests with the stored secrets of these sites, and says what came of them. Nothing that is sent is stored:
 * pushes have no body. What is wrong can be said in the project's error form with problemLines.
 */
export async function verifySites(sites: readonly Site[], options: VerifyOptions): Promise<FleetVerdict> {
  const { config, outputs, via, concurrency = 16, requestTimeout = 10_000, signal } = options;
  const { onProgress, now = () => new Date() } = options;
  const general = config.endpoints.map((endpoint) => ({ endpoint, probes: endpointProbes(endpoint) }));
  const plans = sites.map((site) => {
    const stored = storedCredentials(site, outputs);
    return "problem" in stored
      ? { site, stored, places: [] }
      : {
          site,
          stored,
          places: config.endpoints.map((endpoint) => ({
            endpoint,
            probes: siteProbes(site, endpoint, stored.credentials),
          })),
        };
  });
  const particular = plans.flatMap(({ places }) => places);
  const total = count(general) + count(particular);
  let done = 0;
  const progress = (more: number) => {
    done += more;
    onProgress?.(done, total);
  };
  const transport = openTransport({ via, concurrency, requestTimeout, signal });
  try {
    const runner = new ProbeRunner({
      transport,
      publish: config.publish.kind,
      concurrency,
      signal,
      onDone: () => {
        progress(1);
      },
    });
    const generalResults = await runner.run(general);
    // Where nobody gets an answer, no site is tried.
    const reachable = general
      .filter((place) => (generalResults.get(place) ?? []).some(({ met }) => met.kind !== "network"))
      .map(({ endpoint }) => endpoint);
    const tried = particular.filter(({ endpoint }) => reachable.includes(endpoint));
    progress(count(particular) - count(tried));
    const strict = await seeStrictness(runner, reachable);
    const results = await runner.run(tried);
    const { publish } = config;
    const endpointVerdicts = general.map((place) =>
      endpointVerdict({ endpoint: place.endpoint, publish }, generalResults.get(place) ?? []),
    );
    const siteVerdicts = plans.map(({ site, stored, places }) =>
      "problem" in stored
        ? { site: site.name, ok: false, problems: [stored.problem], signals: [] }
        : siteVerdict(
            { site, credentials: stored.credentials, publish, strict, now: now() },
            places.map((place) => ({ endpoint: place.endpoint, results: results.get(place) })),
          ),
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

/** Whether the organization is in strict mode, where that can be seen. */
async function seeStrictness(
  runner: ProbeRunner,
  endpoints: readonly Endpoint[],
): Promise<boolean | undefined> {
  for (const endpoint of endpoints) {
    const met = await runner.ask(strictnessProbe(endpoint));
    if (met.kind === "access") {
      return met.status === 401;
    }
  }
  return undefined;
}

const count = (places: readonly Place[]): number =>
  places.reduce((sum, { probes }) => sum + probes.length, 0);
