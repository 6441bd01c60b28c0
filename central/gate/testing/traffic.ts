import { setTimeout as sleep } from "node:timers/promises";
import { assertion, type RunningGate, type SigningKey } from "./running-gate";

/** Pushes at an even pace, each of a number of its own, and sends again what was not taken, as the relay at a site does. */
export interface Traffic {
  readonly counts: () => {
    /** Pushes begun; each is one body. */
    readonly sent: number;
    /** Answers that are not 2xx. */
    readonly refused: number;
    /** Connections that broke, or could not be made. */
    readonly broken: number;
  };
  /** Begins no more, and waits until all are taken. */
  readonly finish: () => Promise<void>;
}

export function startTraffic(
  gate: RunningGate,
  options: {
    readonly perSecond: number;
    /** What Access signs with just now. */
    readonly key: () => SigningKey;
    /** So many sites push in turn. */
    readonly clients: number;
    readonly clientId: (index: number) => string;
  },
): Traffic {
  const life = { ended: false };
  let sent = 0;
  let refused = 0;
  let broken = 0;
  const deliver = async (index: number): Promise<void> => {
    for (;;) {
      const jwt = await assertion(options.key(), { common_name: options.clientId(index % options.clients) });
      const answer = await gate
        .send("metrics", { headers: [["Cf-Access-Jwt-Assertion", jwt]], body: `push ${index}` })
        .catch(() => undefined);
      if (answer !== undefined && answer.status >= 200 && answer.status < 300) {
        return;
      }
      if (answer === undefined) {
        broken += 1;
      } else {
        refused += 1;
      }
      await sleep(100);
    }
  };
  const run = (async () => {
    const deliveries: Promise<void>[] = [];
    const start = performance.now();
    while (!life.ended) {
      deliveries.push(deliver(sent));
      sent += 1;
      await sleep(Math.max(0, start + (sent * 1000) / options.perSecond - performance.now()));
    }
    await Promise.all(deliveries);
  })();
  return {
    counts: () => ({ sent, refused, broken }),
    finish: async () => {
      life.ended = true;
      await run;
    },
  };
}
