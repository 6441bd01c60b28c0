import { caddy } from "./caddy";
import { nginx } from "./nginx";
import type { Relay, RelayName } from "./relay";

/** Every relay that a site can run, by the name that its file gives it. */
export const relays: Readonly<Record<RelayName, Relay>> = { nginx, caddy };
