import type { Config, Endpoint } from "../../fleet/config";
import type { Site } from "../../fleet/sites";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { likelyCause } from "./likely-cause";
import { expectationOf } from "./probes";
import { gotPastAccess, problemsOf, type Asker } from "./problems";
import type { Where } from "./remedies";
import type { EndpointVerdict, ProbeResult, SignalVerdict, SiteVerdict } from "./verdict";

/** What holds for everybody at one endpoint. */
export function endpointVerdict(where: Where, probes: readonly ProbeResult[]): EndpointVerdict {
  const { signal, hostname } = where.endpoint;
  return {
    signal,
    hostname,
    ok: probes.every(({ ok }) => ok),
    probes,
    problems: problemsOf(probes, where, undefined),
  };
}

/** A site, and what is known of it and of the organization. */
export interface AskingSite {
  readonly site: Site;
  readonly credentials: SiteCredentials;
  readonly publish: Config["publish"];
  readonly strict: boolean | undefined;
  readonly now: Date;
}

/** @param places with undefined results where nothing was tried, as the host gave nobody an answer. */
export function siteVerdict(
  asking: AskingSite,
  places: readonly { readonly endpoint: Endpoint; readonly results: readonly ProbeResult[] | undefined }[],
): SiteVerdict {
  const letIn = places.some(({ results = [] }) =>
    results.some(({ kind, met }) => kind === "push" && gotPastAccess(met, kind)),
  );
  const signals = places.map(({ endpoint, results }) =>
    results === undefined ? notTried(asking.site, endpoint) : signalVerdict(asking, endpoint, results, letIn),
  );
  return { site: asking.site.name, ok: signals.every(({ ok }) => ok), problems: [], signals };
}

function notTried(site: Site, { signal, hostname }: Endpoint): SignalVerdict {
  const expected = expectationOf(site, signal);
  const problem = { says: `nothing was tried, as ${hostname} answers nobody`, todo: "Mend that first" };
  return { signal, expected, ok: false, probes: [], problems: [problem] };
}

function signalVerdict(
  { site, credentials, publish, strict, now }: AskingSite,
  endpoint: Endpoint,
  probes: readonly ProbeResult[],
  letInElsewhere: boolean,
): SignalVerdict {
  const { signal } = endpoint;
  const expected = expectationOf(site, signal);
  const asker: Asker = {
    shutOut: expected === "delivered" ? undefined : site.token.enabled ? "not granted" : "disabled",
    causeOf: (status) => likelyCause({ site, signal, credentials, status, strict, letInElsewhere, now }),
  };
  return {
    signal,
    expected,
    ok: probes.every(({ ok }) => ok),
    probes,
    problems: problemsOf(probes, { endpoint, publish }, asker),
  };
}
