import { Agent } from "node:http";
import { performance } from "node:perf_hooks";
import { createServer } from "node:http";
import Table from "cli-table3";
import { assertion, runGate, sendTo, signingKey, type Push } from "../central/gate/testing/running-gate";

/**
 * Pushes a second through the gate beside straight to the store, in turn within one run, so that the machine's mood counts for both.
 * Exit code 1 when the gate takes less than its part.
 *
 *   npm run bench:gate
 */
const leastRatio = 0.6;
const rounds = 5;
const millisecondsEach = 2000;
const atATime = 32;

async function main(): Promise<void> {
  const key = await signingKey("current");
  const gate = await runGate({
    keys: [key],
    central: { limits: { requestsPerSecond: 1_000_000, bytesPerSecond: 200_000_000 } },
  });
  gate.stores.keep = false;
  // The store as cloudflared would reach it without a gate: by a unix socket.
  const straight = createServer((incoming, response) => {
    incoming.resume().on("end", () => response.writeHead(204).end());
  });
  const straightSocket = `${gate.places.run}/straight.sock`;
  await new Promise<void>((resolve) => straight.listen(straightSocket, resolve));
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  try {
    const table = new Table({
      head: ["body", "straight", "gate", "ratio"],
      style: { head: [], border: [] },
    });
    for (const bytes of [1_000, 20_000]) {
      const push: Push = {
        headers: [
          ["Cf-Access-Jwt-Assertion", await assertion(key, { exp: Math.floor(Date.now() / 1000) + 3600 })],
          ["Content-Type", "application/x-protobuf"],
        ],
        body: Buffer.alloc(bytes),
        agent,
      };
      const rates = { straight: [] as number[], gate: [] as number[] };
      for (let round = 0; round < rounds; round += 1) {
        rates.straight.push(await perSecond(straightSocket, push));
        rates.gate.push(await perSecond(`${gate.places.run}/metrics.sock`, push));
      }
      const ratio = median(rates.gate) / median(rates.straight);
      table.push([
        `${bytes / 1000} kB`,
        `${median(rates.straight).toFixed(0)}/s`,
        `${median(rates.gate).toFixed(0)}/s`,
        ratio.toFixed(2),
      ]);
      if (ratio < leastRatio) {
        process.exitCode = 1;
      }
    }
    console.log(table.toString());
    console.log(`medians of ${rounds} rounds, ${atATime} pushes at a time; at least ${leastRatio} is wanted`);
  } finally {
    agent.destroy();
    straight.closeAllConnections();
    straight.close();
    await gate.close();
  }
}

async function perSecond(socketPath: string, push: Push): Promise<number> {
  const start = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      while (performance.now() - start < millisecondsEach) {
        const { status, headers } = await sendTo(socketPath, push);
        if (status !== 204) {
          throw new Error(`a push was answered with ${status} (${String(headers["x-sitepass-gate"])})`);
        }
        done += 1;
      }
    }),
  );
  return (done * 1000) / (performance.now() - start);
}

const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
