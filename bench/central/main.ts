import { setTimeout as delay } from "node:timers/promises";
import type { TestContext } from "node:test";
import type { CentralHost } from "../../central/central-host";
import { prometheus } from "../../central/stores/prometheus";
import { vmagent } from "../../central/stores/vmagent";
import { exampleHost } from "../../central/testing/central-hosts";
import { writeRequest } from "../../central/testing/remote-write";
import { freePlaces, startProgram } from "../../central/testing/start-program";
import { findProgram } from "../../local/programs/programs";

const sites = Array.from({ length: 20 }, (_, index) => `site-${index}`);
const seriesPerPush = 500;
const seconds = 10;

/** Samples that Prometheus stored, of those that were pushed. */
async function storedSamples(url: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return Number(/^prometheus_tsdb_head_samples_appended_total\{type="float"\} (\S+)$/m.exec(page)?.[1] ?? 0);
}

/** Pushes as fast as is answered, and gives the samples that were stored a second until all were. */
async function rate(url: string, store: string): Promise<number> {
  const before = await storedSamples(store);
  const begin = Date.now();
  let sent = 0;
  await Promise.all(
    sites.slice(0, 4).map(async (_, lane) => {
      for (let round = 0; Date.now() - begin < seconds * 1000; round++) {
        const site = sites[(lane + 4 * round) % sites.length] ?? "";
        const timestamp = Date.now();
        const body = writeRequest(
          Array.from({ length: seriesPerPush }, (_series, index) => ({
            labels: [
              ["__name__", "bench"],
              ["lane", `${lane}`],
              ["provider", site],
              ["series", `${index}`],
            ],
            timestamp,
          })),
        );
        const response = await fetch(`${url}?extra_label=provider=${site}`, {
          method: "POST",
          body: new Uint8Array(body),
        });
        if (response.ok) {
          sent += seriesPerPush;
        }
      }
    }),
  );
  const deadline = Date.now() + 30_000;
  // The host's own scrapes come on top, and are few.
  while ((await storedSamples(store)) - before < sent && Date.now() < deadline) {
    await delay(100);
  }
  return ((await storedSamples(store)) - before) / ((Date.now() - begin) / 1000);
}

/** Samples a second through vmagent beside straight into Prometheus, in one run. */
async function main(): Promise<void> {
  const binaries = [findProgram("prometheus", "prometheus"), findProgram("vmagent", "vmagent")];
  const [store, before] = binaries;
  if (store === undefined || before === undefined) {
    console.error(
      "error: prometheus and vmagent are needed. `npm run programs -- prometheus vmagent` builds them.",
    );
    process.exitCode = 1;
    return;
  }
  const ends: (() => unknown)[] = [];
  const context = { after: (end: () => unknown) => ends.push(end) } as unknown as TestContext;
  const central: CentralHost = exampleHost();
  try {
    const places = await freePlaces(context);
    const { url } = await startProgram(context, prometheus, { central, places, binary: store });
    const through = await startProgram(context, vmagent, { central, places, binary: before });
    const straight = await rate(`${url}/api/v1/write`, url);
    const relabelled = await rate(`${through.url}/api/v1/write`, url);
    console.log(`straight into Prometheus: ${Math.round(straight)} samples a second`);
    console.log(`through vmagent:          ${Math.round(relabelled)} samples a second`);
    console.log(`ratio: ${(relabelled / straight).toFixed(2)}`);
  } finally {
    for (const end of ends.reverse()) {
      await end();
    }
  }
}

void main();
