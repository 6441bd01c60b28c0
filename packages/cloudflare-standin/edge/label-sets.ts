import type { Labels } from "./remote-write-message";

/** Lists kept by label set, whatever the labels' order. */
export class LabelSets<Item> {
  readonly #byKey = new Map<string, { readonly labels: Labels; readonly items: Item[] }>();

  add(labels: Labels, items: readonly Item[]): void {
    const sorted = Object.fromEntries(
      Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)),
    );
    const key = JSON.stringify(sorted);
    const entry = this.#byKey.get(key) ?? { labels: sorted, items: [] };
    entry.items.push(...items);
    this.#byKey.set(key, entry);
  }

  /** In the order in which the label sets first came. */
  entries(): readonly { readonly labels: Labels; readonly items: readonly Item[] }[] {
    return [...this.#byKey.values()];
  }

  clear(): void {
    this.#byKey.clear();
  }
}
