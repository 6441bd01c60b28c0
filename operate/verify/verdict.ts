import type { SignalName } from "../../fleet/signals";
import type { Met } from "./met";

/** What is tried on a host. */
export type ProbeKind =
  /** An empty push with the site's stored secret. */
  | "push"
  /** An empty push without credentials. */
  | "no-credentials"
  /** An empty push with the site's client ID and a wrong secret. */
  | "wrong-secret"
  /** A path that is not a write path: with the stored secret, or for all sites once without credentials. */
  | "read";

/** What must come of it: `delivered` is the origin's own answer to a push, `refused` is Access' refusal. */
export type Expectation = "delivered" | "refused";

/** One request, what came of it, and whether that is as it must be. */
export interface ProbeResult {
  readonly kind: ProbeKind;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly expected: Expectation;
  readonly met: Met;
  readonly ok: boolean;
}

/**
 * What is wrong: the parts of a line in the form of the project's errors. `<site>` in `todo` stands for the site's name, so that what
 * many sites have in common can be said once.
 */
export interface Problem {
  readonly says: string;
  readonly todo: string;
}

/** One site and one signal. */
export interface SignalVerdict {
  readonly signal: SignalName;
  /** Whether the site's pushes are to be delivered; otherwise they are to be refused. */
  readonly expected: Expectation;
  readonly ok: boolean;
  /** In the order in which they were planned; empty when nothing was tried, which `problems` explains. */
  readonly probes: readonly ProbeResult[];
  readonly problems: readonly Problem[];
}

export interface SiteVerdict {
  readonly site: string;
  readonly ok: boolean;
  /** Of the site as such, such as that it was never provisioned. */
  readonly problems: readonly Problem[];
  /** One for each endpoint of the stack, in the order of the signal table. */
  readonly signals: readonly SignalVerdict[];
}

/** What holds for everybody at one endpoint: requests without credentials. */
export interface EndpointVerdict {
  readonly signal: SignalName;
  readonly hostname: string;
  readonly ok: boolean;
  readonly probes: readonly ProbeResult[];
  readonly problems: readonly Problem[];
}

export interface FleetVerdict {
  readonly ok: boolean;
  readonly endpoints: readonly EndpointVerdict[];
  /** In the order in which the sites were given. */
  readonly sites: readonly SiteVerdict[];
}
