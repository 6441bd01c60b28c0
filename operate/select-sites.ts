import { throwIfAny } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { nearest } from "../fleet/wording";

/**
 * The sites that a person named, in the order of names.
 *
 * @throws UserError for every name that is not a site, with the nearest one that is.
 */
export function selectSites(sites: readonly Site[], names: readonly string[]): readonly Site[] {
  const known = sites.map(({ name }) => name);
  const unknown = [...new Set(names)].filter((name) => !known.includes(name));
  throwIfAny(
    unknown.map((name) => {
      const close = nearest(name, known);
      const todo =
        close === undefined ? "Name a file in sites/ without its extension" : `Did you mean ${close}?`;
      return { subject: name, says: `is not a site, for there is no sites/${name}.yaml`, todo };
    }),
  );
  return sites.filter(({ name }) => names.includes(name));
}
