import type { CollectorName, Placement } from "./collector";

/**
 * Absolute path of the folder that an agent reads its inputs from: those that are rendered, and beside them what the site's
 * person adds, which rendering and installing again leave alone.
 */
export function inputsFolder(collector: CollectorName, { directory }: Placement): string {
  return `${directory}/${collector}/inputs.d`;
}
