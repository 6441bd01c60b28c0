import pMap from "p-map";
import { tenantHeaders } from "../../collectors/common/credentials";
import { isOtlpPath } from "../../collectors/common/site-settings";
import type { Endpoint, Publish } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import type { Site } from "../../fleet/sites";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { classify, likeness, originsOwn, refusedBeforeTheStore, type Answer } from "./answer";
import type { ProbeRequest, Transport, TransportOptions } from "./transport";

/** What is tried on a host. */
export type ProbeKind =
  /** An empty push with the site's stored secret. */
  | "push"
  /** An empty push without credentials. */
  | "no-credentials"
  /** An empty push with the site's client ID and a wrong secret. */
  | "wrong-secret"
  /** A path that is not a write path: with the stored secret, or once for all sites without credentials. */
  | "read";

/** What must come of a probe: `delivered` is the origin's own answer to a push, `refused` is Access' refusal. */
export type Expectation = "delivered" | "refused";

/** A request that is to be made, and what must come of it. */
export interface Probe extends ProbeRequest {
  readonly kind: ProbeKind;
  readonly expected: Expectation;
}

/** One request, who answered it, and whether that is as expected. */
export interface ProbeResult extends Pick<Probe, "kind" | "method" | "path" | "expected"> {
  readonly answer: Answer;
  readonly ok: boolean;
}

/**
 * What a push secret must not reach: reading what other sites sent, and managing the service. All by GET, which changes nothing
 * even where it gets through: Prometheus answers GET of its reload with 405 (docs/facts/edge.md, E53).
 */
const readPaths: Readonly<Record<SignalName, readonly string[]>> = {
  metrics: ["/", "/api/v1/query", "/-/reload"],
  logs: ["/", "/loki/api/v1/query_range"],
};

/** Has the form of a secret, so that it is refused because it is wrong and not because it is malformed. */
const wrongSecret = `cfast_${"0".repeat(48)}`;

/** Every collector that is rendered speaks remote write 1.0; a receiver that does not take it says so with 415. */
const remoteWriteHeaders = {
  "Content-Encoding": "snappy",
  "X-Prometheus-Remote-Write-Version": "0.1.0",
} as const;

/** What is asked once for each endpoint, because it is the same for every site: requests without credentials. */
export function endpointProbes({ signal, hostname, paths }: Endpoint): readonly Probe[] {
  const common = { hostname, credentials: undefined, expected: "refused" } as const;
  return [
    ...paths.map((path) => ({ ...common, kind: "no-credentials", method: "POST", path }) as const),
    ...readPaths[signal].map((path) => ({ ...common, kind: "read", method: "GET", path }) as const),
  ];
}

/**
 * What is asked for one site at one endpoint.
 *
 * - When the site pushes the endpoint's signal and is not shut out: each write path with its secret; the first write path with a
 *   wrong secret (once, because Access logs each failure of a known client ID); and the read paths with its secret.
 * - Otherwise: each write path with its secret, which must be refused.
 *
 * @param tenant what the site's pushes name; undefined where there are no tenants.
 */
export function siteProbes(
  site: Site,
  { signal, hostname, paths }: Endpoint,
  { clientId, clientSecret }: SiteCredentials,
  tenant: string | undefined,
): readonly Probe[] {
  const credentials = { clientId, clientSecret };
  const expected = expectationOf(site, signal);
  const headers = {
    ...(signal === "metrics" ? remoteWriteHeaders : {}),
    ...tenantHeaders({ tenant }, (name) => name),
  };
  const pushes = paths.map(
    (path) => ({ kind: "push", hostname, method: "POST", path, credentials, headers, expected }) as const,
  );
  if (expected === "refused") {
    return pushes;
  }
  const refused = { hostname, expected: "refused" } as const;
  const wrong = { clientId, clientSecret: wrongSecret };
  return [
    ...pushes,
    { ...refused, kind: "wrong-secret", method: "POST", path: paths[0], credentials: wrong },
    ...readPaths[signal].map(
      (path) => ({ ...refused, kind: "read", method: "GET", path, credentials }) as const,
    ),
  ];
}

/** What must come of a site's pushes of a signal. */
export function expectationOf({ signals, token }: Site, signal: SignalName): Expectation {
  return token.enabled && signals.includes(signal) ? "delivered" : "refused";
}

/**
 * Whether an answer is the expected one.
 *
 * A push without a body is delivered when the origin answers as a store does that has looked at it (`takesPushes`).
 *
 * Only Access' own refusal counts as refused: what is stopped later, by the connector or because the origin is down, has passed
 * Access. On read paths a login page is as good as a refusal, because no collector sends anything there.
 */
function isAsExpected({ kind, expected, path }: Probe, answer: Answer): boolean {
  if (expected === "refused") {
    return answer.kind === "access" || (kind === "read" && answer.kind === "login");
  }
  return answer.kind === "origin" && takesPushes(answer, path);
}

/**
 * Whether the origin would take what collectors send there, as far as its answer to a push without a body tells
 * (docs/facts/edge.md, E53, E67):
 *
 * - 400 and 422 say that it has looked for data and found none; Prometheus and Loki answer so. A server before them that
 *   refuses the request itself says so in other words.
 * - 2xx is an answer only where nothing is a valid message, as in OTLP. Remote write and Loki's push API have none: what answers
 *   2xx there reads nothing, and collectors count it as delivered. Behind the gate of a central host
 *   that is vmagent, which takes nothing for a delivery of nothing (seen with vmagent of July 2025).
 * - All else is refused to collectors too: a 401 that asks for a tenant, or a 415 to what they speak.
 */
function takesPushes({ status, text, handedOn }: Extract<Answer, { kind: "origin" }>, path: string): boolean {
  return status >= 200 && status < 300
    ? isOtlpPath(path) || handedOn === true
    : [400, 422].includes(status) && !refusedBeforeTheStore.test(text);
}

/** Whether Access let a request pass, whatever stopped it later. Only an origin redirects requests for its start page. */
export function passedAccess({ kind, answer }: Pick<ProbeResult, "kind" | "answer">): boolean {
  return (
    ["origin", "gate", "page", "cloudflared", "cloudflare", "tunnel-down"].includes(answer.kind) ||
    (kind === "read" && answer.kind === "redirect")
  );
}

export interface ProbeRunnerOptions extends Pick<TransportOptions, "concurrency" | "abort"> {
  readonly transport: Transport;
  readonly publish: Publish["kind"];
  /** Called with 1 after each request that was made or skipped. */
  readonly onDone: (count: number) => void;
}

/** After so many requests in a row without an answer, requests of the same kind to the same path are skipped. */
const mostInARow = 8;

/** Makes requests, a limited number at a time, and judges their answers. */
export class ProbeRunner {
  /**
   * Kinds and paths whose last requests got no answer. Each further request would wait for its time-out, and the thousands of a
   * fleet would take hours. Kinds are counted apart: Access refuses a wrong secret at once on a path whose origin hangs.
   */
  readonly #unanswered = new Map<string, { readonly inARow: number; readonly last: Answer }>();

  /** Of each 401 that may be Access', what it has in common with others. */
  readonly #likenesses = new WeakMap<Answer, string>();

  /** By host name, those of requests that carried nothing that could be let in. */
  readonly #refusals = new Map<string, ReadonlySet<string>>();

  constructor(private readonly options: ProbeRunnerOptions) {}

  /** The results of each group, in the order of its probes. Rejects only when it is aborted. */
  async run<Group extends { readonly probes: readonly Probe[] }>(
    groups: readonly Group[],
  ): Promise<ReadonlyMap<Group, readonly ProbeResult[]>> {
    const { concurrency, abort } = this.options;
    const results = await pMap(
      groups.flatMap(({ probes }) => probes),
      (probe) => this.#try(probe),
      { concurrency, ...(abort && { signal: abort }) },
    );
    let start = 0;
    return new Map(
      groups.map((group) => {
        const probes = group.probes.map((probe, index) => ({ probe, result: results[start + index] }));
        start += probes.length;
        return [group, this.#compared(probes)];
      }),
    );
  }

  /**
   * The results of a group, where a 401 without a mark is told by what Access answers beside it: to requests without credentials,
   * and to a wrong secret of the same site.
   */
  #compared(
    probes: readonly { readonly probe: Probe; readonly result: ProbeResult | undefined }[],
  ): readonly ProbeResult[] {
    const ofWrongSecrets = probes.flatMap(({ probe, result }) =>
      probe.kind === "wrong-secret" && result?.answer.kind === "access"
        ? (this.#likenesses.get(result.answer) ?? [])
        : [],
    );
    return probes.flatMap(({ probe, result }) => {
      if (result === undefined || probe.kind === "wrong-secret" || probe.credentials === undefined) {
        return result ?? [];
      }
      const refusals = new Set([...(this.#refusals.get(probe.hostname) ?? []), ...ofWrongSecrets]);
      const answer = originsOwn(result.answer, this.#likenesses.get(result.answer), refusals);
      return answer === undefined ? result : { ...result, answer, ok: isAsExpected(probe, answer) };
    });
  }

  async #try(probe: Probe): Promise<ProbeResult> {
    const { kind, method, path, expected } = probe;
    const key = `${kind} ${probe.hostname}${path}`;
    const before = this.#unanswered.get(key);
    const answer =
      before !== undefined && before.inARow >= mostInARow
        ? { ...before.last, text: `not tried after ${mostInARow} in a row` }
        : await this.ask(probe);
    if (answer.kind === "network") {
      this.#unanswered.set(key, { inARow: (this.#unanswered.get(key)?.inARow ?? 0) + 1, last: answer });
    } else {
      this.#unanswered.delete(key);
    }
    this.options.onDone(1);
    return { kind, method, path, expected, answer, ok: isAsExpected(probe, answer) };
  }

  /** Makes one request. */
  async ask(request: ProbeRequest): Promise<Answer> {
    const reply = await this.options.transport.send(request);
    const answer = classify(reply, this.options.publish);
    const secret = request.credentials?.clientSecret;
    // Whoever answers may quote the request.
    const shown =
      secret !== undefined && answer.text.includes(secret)
        ? { ...answer, text: answer.text.replaceAll(secret, "(the secret)") }
        : answer;
    const own = answer.kind === "access" && answer.status === 401 ? likeness(reply) : undefined;
    if (own !== undefined) {
      this.#likenesses.set(shown, own);
      if (request.credentials === undefined || request.credentials.clientSecret === wrongSecret) {
        const { hostname } = request;
        this.#refusals.set(hostname, new Set([...(this.#refusals.get(hostname) ?? []), own]));
      }
    }
    return shown;
  }
}
