import type { SignalName } from "../../fleet/signals";
import type { CollectorEndpoint, CollectorService, Credentials, RenderedFile } from "../collector";
import { caddy } from "./caddy";
import { nginx } from "./nginx";
import { inputProblems } from "./input-problems";

/** The proxies that a relay can be made of. */
export type RelayName = "nginx" | "caddy";

/** Where the relay passes one signal's pushes on to. */
export interface RelayTarget {
  /** The public host: name in TLS and Host header. */
  readonly hostname: string;
  /** Scheme and authority that is connected to, without a slash at the end: `https://` and `hostname`; in tests an imitation on 127.0.0.1. */
  readonly base: string;
  readonly paths: readonly [string, ...string[]];
}

export interface RelayInput {
  readonly endpoints: Readonly<Partial<Record<SignalName, RelayTarget>>>;
  readonly credentials: Credentials;
  /** Absolute path of the folder that the rendered files are installed to, such as `/etc/sitepass`. */
  readonly directory: string;
  /** On 127.0.0.1, where the collector finds the relay. */
  readonly port: number;
  /** PEM file of the authorities that vouch for the hosts. Default: the system's. */
  readonly caBundle?: string;
  /** Absolute path of a folder for the running relay's own files. Default: `/run/sitepass-relay`, which its unit makes. */
  readonly runtimeDirectory?: string;
}

/** One kind of relay. Pure, as collectors are. */
export interface Relay {
  readonly render: (input: RelayInput) => readonly RenderedFile[];
  readonly service: (directory: string) => CollectorService;
}

const relays: Readonly<Record<RelayName, Relay>> = { nginx, caddy };

/** Where a collector behind the relay pushes a signal. */
export function relayEndpoint(
  port: number,
  signal: SignalName,
  paths: readonly [string, ...string[]],
): CollectorEndpoint {
  return { base: `http://127.0.0.1:${port}/${signal}`, paths };
}

/** Why no relay can be rendered: `<key>: <what is wrong, with the value>. <what to do>.`, one line each; never shows a secret. */
export function relayRefusals(input: RelayInput): readonly string[] {
  return inputProblems(input);
}

/** The relay's files. Only called when there are no refusals. */
export function renderRelay(name: RelayName, input: RelayInput): readonly RenderedFile[] {
  return relays[name].render(input);
}

/** How the relay is checked and started at the site. */
export function relayService(name: RelayName, directory: string): CollectorService {
  return relays[name].service(directory);
}
