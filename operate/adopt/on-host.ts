import type { Endpoint } from "../../fleet/config";
import type { AccountApplication } from "../../cloudflare/access-applications";
import { coversHost, placeOf, type Place } from "./place";

/** How an application relates to one push host. */
export interface OnHost {
  readonly application: AccountApplication;
  /** Covers the whole host. */
  readonly whole: boolean;
  /** Covers a write path, as such. */
  readonly write: boolean;
  /** Other paths of the host that it covers. */
  readonly otherPaths: readonly Place[];
  /** Wildcard hosts that take the push host in. */
  readonly around: readonly Place[];
  /** Places off the host. */
  readonly elsewhere: readonly Place[];
}

export function onHost(application: AccountApplication, { hostname, paths }: Endpoint): OnHost {
  const places = application.destinations.map(placeOf);
  const here = places.filter(({ host }) => host === hostname);
  const isWrite = ({ path }: Place): boolean => paths.includes(path);
  const elsewhere = places.filter(({ host }) => host !== hostname);
  return {
    application,
    whole: here.some(({ path }) => path === ""),
    write: here.some(isWrite),
    otherPaths: here.filter((place) => place.path !== "" && !isWrite(place)),
    around: elsewhere.filter((place) => coversHost(place, hostname)),
    elsewhere,
  };
}
