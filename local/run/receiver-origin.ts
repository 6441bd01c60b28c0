import { startReceiver } from "../pushes/receiver";
import type { Origin } from "./origin";

/** A receiver that decodes what is pushed and keeps it in memory. */
export async function receiverOrigin(): Promise<Origin> {
  const receiver = await startReceiver();
  return {
    name: "a small receiver",
    url: receiver.url,
    arrived: (siteLabel) => {
      const counts = new Map<string, number>();
      const add = (site: string | undefined, count: number) => {
        if (site !== undefined) {
          counts.set(site, (counts.get(site) ?? 0) + count);
        }
      };
      for (const { labels, samples } of receiver.samples) {
        add(labels[siteLabel], samples.length);
      }
      for (const { labels, lines } of receiver.lines) {
        add(labels[siteLabel], lines.length);
      }
      return Promise.resolve(counts);
    },
    close: () => receiver.close(),
  };
}
