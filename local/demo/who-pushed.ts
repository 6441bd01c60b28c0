import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import Table from "cli-table3";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { missingPrograms } from "../central/running-host";
import { readServed, serveStack, type ServedStack, type ServedStackOptions } from "../central/served-stack";
import { pushAll, pushedLines, pushedMetric } from "../central/site-pushes";
import type { SignalName } from "../../fleet/signals";

/** What came of pushes under other names, in words and as a table; or why it cannot be shown here. */
export type WhoPushed =
  | {
      readonly shown: true;
      readonly text: string;
      /** Who pushed under the name of whom. */
      readonly impostor: string;
      readonly victim: string;
      /** Whether each store has exactly what each site pushed, under its own name. */
      readonly isRight: boolean;
    }
  | { readonly shown: false; readonly missing: readonly string[] };

/**
 * Starts the stack's central host from its rendered files, lets every site push once, the first one also under the name of the second,
 * and looks into the stores.
 *
 * @param home a folder of its own, which is made.
 */
export async function showWhoPushed(
  options: ServedStackOptions,
  outputs: RevealedOutputs,
): Promise<WhoPushed> {
  const missing = missingPrograms(await readServed(options));
  if (missing.length > 0) {
    return { shown: false, missing: missing.map(({ title }) => title) };
  }
  mkdirSync(join(options.home, "data"), { recursive: true, mode: 0o700 });
  const served = await serveStack(options);
  try {
    const { central } = served;
    const [impostor, victim] = central.sites.filter(({ enabled }) => enabled).map(({ name }) => name);
    await pushAll(options.edge, central, outputs);
    const pushed = (signal: SignalName): ReadonlyMap<string, number> =>
      new Map(
        central.sites
          .filter(({ enabled, signals }) => enabled && signals.includes(signal))
          .map(({ name }) => [name, name === impostor ? 2 : 1]),
      );
    const samples = await arrived(served, "metrics", pushedMetric, pushed("metrics"));
    const lines = await arrived(served, "logs", pushedLines, pushed("logs"));
    const table = new Table({ head: ["stored as", "samples", "log lines"], style: { head: [], border: [] } });
    for (const site of [...new Set([...samples.keys(), ...lines.keys()])].sort()) {
      table.push([site, String(samples.get(site) ?? 0), String(lines.get(site) ?? 0)]);
    }
    return {
      shown: true,
      text: table.toString(),
      impostor: impostor ?? "",
      victim: victim ?? "",
      isRight: isDeepStrictEqual(samples, pushed("metrics")) && isDeepStrictEqual(lines, pushed("logs")),
    };
  } finally {
    await served.close();
  }
}

/** Stores show a moment later what they took. */
async function arrived(
  { stored }: ServedStack,
  signal: SignalName,
  selector: string,
  wanted: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  for (let tries = 0; ; tries += 1) {
    const counts = await stored(signal, selector);
    const sum = (some: ReadonlyMap<string, number>) =>
      [...some.values()].reduce((total, count) => total + count, 0);
    if (sum(counts) >= sum(wanted) || tries > 80) {
      return counts;
    }
    await delay(250);
  }
}
