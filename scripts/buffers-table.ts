import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import {
  agentBuffer,
  bufferOf,
  rateText,
  storeWindows,
  type Buffer,
  type StoreWindows,
} from "../collectors/buffers";
import { collectors } from "../collectors/collectors";
import { collectorNames } from "../fleet/collector-names";
import { signalNames } from "../fleet/signals";

/** Documents that hold what follows from collectors/buffers.ts, and where in them. */
const parts = {
  "docs/collectors.md": { table: buffersTable, windows: () => windowsText(storeWindows(collectorNames)) },
} as const satisfies Readonly<Record<string, Readonly<Record<string, () => string>>>>;

export const documents = Object.keys(parts) as readonly (keyof typeof parts)[];

/** A document with current numbers in it. Throws when it has no place for them. */
export async function withBuffers(document: keyof typeof parts, text: string): Promise<string> {
  let current = text;
  for (const [name, make] of Object.entries(parts[document])) {
    const begin = `<!-- Outages, ${name}: written by \`npm run expected\` from collectors/buffers.ts. -->`;
    const end = `<!-- End of outages, ${name}. -->`;
    const [before, rest] = current.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) {
      throw new Error(`${document} has no place for the ${name} of outages`);
    }
    current = `${before}${begin}\n\n${make()}\n\n${end}${after}`;
  }
  const options = await resolveConfig(join(__dirname, "..", document));
  return format(current, { ...options, parser: "markdown" });
}

/** A row for each collector and signal. */
function buffersTable(): string {
  const rows = collectorNames.flatMap((name) =>
    signalNames.flatMap((signal) => {
      const buffer = bufferOf(name, signal);
      const { title } = collectors[name];
      return buffer === undefined
        ? []
        : name === "prometheus"
          ? [rowOf(`${title}, server`, signal, buffer), rowOf(`${title}, agent`, signal, agentBuffer)]
          : [rowOf(title, signal, buffer)];
    }),
  );
  const head = ["Collector", "", "Waits", "Survives an outage of", "In a longer one", "After a restart"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function rowOf(title: string, signal: string, buffer: Buffer): readonly string[] {
  const { place, hours, oldestHours, whenFull, outlivesRestart } = buffer;
  const span = `${hours} h${oldestHours === undefined ? "" : ` (${oldestHours} where little is collected)`}`;
  const restart =
    outlivesRestart === false ? "**lost**" : outlivesRestart === true ? "kept" : `kept ${outlivesRestart}`;
  return [title, signal, place, `${span}${rateText(buffer)}`, whenFull, restart];
}

function windowsText(windows: StoreWindows): string {
  const { outOfOrderTimeWindow, rejectOldSamplesMaxAge, maxChunkAge, queryIngestersWithin } = windows;
  return `\`\`\`yaml
# Prometheus: how late a sample may come. By default an hour behind the newest of any site.
storage: { tsdb: { out_of_order_time_window: ${outOfOrderTimeWindow}h } }
\`\`\`

\`\`\`yaml
# Loki: how old a line may be, which is also its default.
limits_config: { reject_old_samples: true, reject_old_samples_max_age: ${rejectOldSamplesMaxAge}h }
# Half of it is how late a line may come behind the newest of its stream; only Fluent Bit sends so.
ingester: { max_chunk_age: ${maxChunkAge}h }
# As long, or lines cannot be read until their chunk is full.
querier: { query_ingesters_within: ${queryIngestersWithin}h }
\`\`\``;
}
