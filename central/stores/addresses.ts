import type { CentralHost, Place, Places, ProgramName } from "../central-host";

/** `host:port` by which the other programs find one; its port `http` where none is named. */
export function addressOf<Name extends ProgramName>(
  places: Places,
  name: Name,
  port?: keyof Place<Name>["ports"],
): string {
  const place: Place<Name> = places.programs[name];
  const ports: Readonly<Record<PropertyKey, number>> = place.ports;
  return `${place.host}:${ports[port ?? "http"] ?? 0}`;
}

/** `address:port` that a program listens on. */
export const listenAddress = ({
  bind,
  ports,
}: {
  readonly bind: string;
  readonly ports: { readonly http: number };
}): string => `${bind}:${ports.http}`;

/** Whether sites push this signal to the store that the central host brings. */
export const storesItself = ({ signals, ownStores }: CentralHost, signal: "metrics" | "logs"): boolean =>
  signals.some((one) => one.signal === signal) && ownStores[signal] === undefined;

/** A label that no site can write, because vmagent drops it of what is pushed: it tells the host's own series from those of sites. */
export const hostLabel = "sitepass_host";

/** Carries the site's name past the site's own label on the way to a store; nothing leaves with it. */
export const carrierLabel = "sitepass_site";

/** Labels that mean something else on the central host, of which none can carry the site's name. */
export const ownLabels: readonly string[] = [
  hostLabel,
  carrierLabel,
  // Of site_expected, and of alarms.
  ...["signal", "severity", "about", "cuts_off", "alertname"],
];

/** What every query for the host's own series has in its selector. */
export const ofHost = `${hostLabel}="central"`;

/** Names the scrape of one of the host's programs. */
export const jobOf = (name: ProgramName): string => `sitepass-${name}`;
