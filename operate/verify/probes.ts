import type { Config, Endpoint } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import type { Site } from "../../fleet/sites";
import type { SiteCredentials } from "../../stack/stack-outputs";
import type { OutgoingProbe } from "./transport";
import type { Expectation, ProbeKind } from "./verdict";

/** A request that is to be made, and what must come of it. */
export interface PlannedProbe extends OutgoingProbe {
  readonly kind: ProbeKind;
  readonly expected: Expectation;
}

/**
 * What a push secret must not reach: reading what other sites sent, and managing the service. All by GET, which changes nothing
 * even where it gets through: Prometheus answers GET of its reload with 405 [RUN].
 */
const readPaths: Readonly<Record<SignalName, readonly string[]>> = {
  metrics: ["/", "/api/v1/query", "/-/reload"],
  logs: ["/", "/loki/api/v1/query_range"],
};

/** Of the form of a secret, so that it is refused for being wrong and not for being none. */
const wrongSecret = `cfast_${"0".repeat(48)}`;

/** What is asked once for each endpoint, as it is the same for every site: requests without credentials. */
export function endpointProbes({ signal, hostname, paths }: Endpoint): readonly PlannedProbe[] {
  const common = { hostname, credentials: undefined, expected: "refused" } as const;
  return [
    ...paths.map((path) => ({ ...common, kind: "no-credentials", method: "POST", path }) as const),
    ...readPaths[signal].map((path) => ({ ...common, kind: "read", method: "GET", path }) as const),
  ];
}

/**
 * A request that shows whether the organization is strict: where no token is let in, a strict one answers 401 to credentials that
 * are none, and 403 to good ones (service-tokens.mdx). An unknown client ID, which Access does not log.
 */
export function strictnessProbe({ hostname }: Endpoint): OutgoingProbe {
  const clientId = `${"0".repeat(32)}.access`;
  return { hostname, method: "GET", path: "/", credentials: { clientId, clientSecret: wrongSecret } };
}

/**
 * What is asked for one site at one endpoint.
 *
 * - Its signal, and the site is let in: its secret on each write path, where a wrong one is refused on the first of them (once:
 *   Access logs each failure of a known client ID), and its own secret on the other paths.
 * - Another signal, or the site is shut out: its secret is refused on each write path.
 */
export function siteProbes(
  site: Site,
  { signal, hostname, paths }: Config["endpoints"][number],
  { clientId, clientSecret }: SiteCredentials,
): readonly PlannedProbe[] {
  const credentials = { clientId, clientSecret };
  const expected = expectationOf(site, signal);
  const pushes = paths.map(
    (path) => ({ kind: "push", hostname, method: "POST", path, credentials, expected }) as const,
  );
  if (expected === "refused") {
    return pushes;
  }
  return [
    ...pushes,
    {
      kind: "wrong-secret",
      hostname,
      method: "POST",
      path: paths[0],
      credentials: { clientId, clientSecret: wrongSecret },
      expected: "refused",
    },
    ...readPaths[signal].map(
      (path) => ({ kind: "read", hostname, method: "GET", path, credentials, expected: "refused" }) as const,
    ),
  ];
}

/** What must come of a site's pushes of a signal. */
export function expectationOf({ signals, token }: Site, signal: SignalName): Expectation {
  return token.enabled && signals.includes(signal) ? "delivered" : "refused";
}
