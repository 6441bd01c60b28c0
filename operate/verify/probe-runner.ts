import pMap from "p-map";
import type { Endpoint, Publish } from "../../fleet/config";
import { Breaker } from "./breaker";
import { isAsExpected } from "./judge";
import { meet } from "./meet";
import type { Met } from "./met";
import type { PlannedProbe } from "./probes";
import type { OutgoingProbe, Transport } from "./transport";
import type { ProbeResult } from "./verdict";

/** An endpoint, asked by somebody. */
export interface Place {
  readonly endpoint: Endpoint;
  readonly probes: readonly PlannedProbe[];
}

export interface ProbeRunnerOptions {
  readonly transport: Transport;
  readonly publish: Publish["kind"];
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  /** Called after each request that was made or spared. */
  readonly onDone: () => void;
}

/** Makes requests, so many at a time, and judges what came of them. */
export class ProbeRunner {
  readonly #breaker = new Breaker();

  constructor(private readonly options: ProbeRunnerOptions) {}

  /** What came of each place's requests, in their order. Rejects only when it is stopped. */
  async run(places: readonly Place[]): Promise<ReadonlyMap<Place, readonly ProbeResult[]>> {
    const { concurrency, signal } = this.options;
    const results = await pMap(
      places.flatMap((place) => place.probes.map((probe) => ({ place, probe }))),
      async ({ place, probe }) => ({ place, result: await this.#try(probe) }),
      { concurrency, ...(signal === undefined ? {} : { signal }) },
    );
    const byPlace = new Map<Place, ProbeResult[]>(places.map((place) => [place, []]));
    for (const { place, result } of results) {
      byPlace.get(place)?.push(result);
    }
    return byPlace;
  }

  async #try(probe: PlannedProbe): Promise<ProbeResult> {
    const { kind, method, path, expected } = probe;
    // Each kind for itself: Access refuses a wrong secret at once on a path whose origin hangs.
    const key = `${kind} ${probe.hostname}${path}`;
    const met = this.#breaker.tripped(key) ?? (await this.ask(probe));
    this.#breaker.note(key, met);
    this.options.onDone();
    return { kind, method, path, expected, met, ok: isAsExpected(kind, expected, met) };
  }

  /** One request. */
  async ask(probe: OutgoingProbe): Promise<Met> {
    const met = meet(await this.options.transport.send(probe), this.options.publish);
    const secret = probe.credentials?.clientSecret;
    // Whoever answers may quote the request.
    return secret !== undefined && met.text.includes(secret)
      ? { ...met, text: met.text.replaceAll(secret, "(the secret)") }
      : met;
  }
}
