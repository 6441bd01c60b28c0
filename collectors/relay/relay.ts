import { hostNameProblem, proxyProblem } from "../../fleet/names";
import type { Problem } from "../../fleet/problem";
import type { relayNames } from "../../fleet/relay-names";
import { signalNames, type SignalName } from "../../fleet/signals";
import { splitAdvice, wrongValue } from "../../fleet/zod-issues";
import type { CollectorEndpoint, CollectorService, Credentials, RenderedFile } from "../collector";
import { credentialProblems } from "../common/credentials";
import { isPlainPath, listOf, plainPathAdvice } from "../common/refusals-and-notes";

/** The proxies that a relay can be made of. */
export type RelayName = (typeof relayNames)[number];

/** Where the relay passes one signal's pushes on to: its `base` is `https://` and `hostname`, or in tests a stand-in on 127.0.0.1. */
export interface RelayTarget extends CollectorEndpoint {
  /** The public host: name in TLS and Host header. */
  readonly hostname: string;
}

export interface RelayInput {
  readonly endpoints: Readonly<Partial<Record<SignalName, RelayTarget>>>;
  readonly credentials: Credentials;
  /** What the relay makes of each push's X-Scope-OrgID; undefined: what the collector sends is passed on. */
  readonly tenant?: string | undefined;
  /** Absolute path of the folder that the rendered files are installed to, such as `/etc/sitepass`. */
  readonly directory: string;
  /** On 127.0.0.1, where the collector finds the relay. */
  readonly port: number;
  /** Address of the site's HTTP proxy; undefined where pushes go straight to the hosts. */
  readonly proxy?: string;
  /** PEM file of the authorities that vouch for the hosts. Default: the system's. */
  readonly caBundle?: string;
  /** Absolute path of a folder for the running relay's own files. Default: `/run/sitepass-relay`, which its unit makes. */
  readonly runtimeDirectory?: string;
}

/** One kind of relay. Pure, as collectors are. */
export interface Relay {
  /** How people write the program's name. */
  readonly title: string;
  /** Its configuration, by which a rendered folder shows which relay it has. */
  readonly configurationFile: string;
  /** The file of authorities that it needs on the site's machine, where it has no way to find them by itself. */
  readonly authorities?: string;
  /** Why it cannot be this site's relay, beside `relayRefusals`, which are those of every kind. */
  readonly refusals: (input: RelayInput) => readonly Problem[];
  /** What it needs on the site's machine: whole sentences. */
  readonly notes: (input: RelayInput) => readonly string[];
  /** Only called when there are no refusals. */
  readonly render: (input: RelayInput) => readonly RenderedFile[];
  readonly service: (directory: string) => CollectorService;
}

/** For both kinds: their programs run in the domain of web servers. */
export const selinuxNote =
  "On a machine with SELinux, as Red Hat's systems are, the relay needs two permissions, to listen on its port and to connect: `install.sh` prints the commands for them.";

/** Where a collector behind the relay pushes a signal. */
export const relayEndpoint = (
  port: number,
  signal: SignalName,
  paths: CollectorEndpoint["paths"],
): CollectorEndpoint => ({ base: `http://127.0.0.1:${port}/${signal}`, paths });

/** One write path of one signal. */
export interface RelayRoute extends Omit<RelayTarget, "paths"> {
  readonly signal: SignalName;
  readonly path: string;
  /** Its place among the paths of the signal. */
  readonly index: number;
  /** Where the collector pushes. */
  readonly location: string;
}

export const relayRoutes = ({ endpoints }: RelayInput): readonly RelayRoute[] =>
  signalNames.flatMap((signal) =>
    listOf(endpoints[signal]).flatMap(({ hostname, base, paths }) =>
      paths.map((path, index) => ({ signal, hostname, base, path, index, location: `/${signal}${path}` })),
    ),
  );

/**
 * What would break out of its place in a rendered file, or hand the secret to somebody else; never shows a secret. All but the
 * port and the folder was checked long before: this is the last gate before text is put together.
 */
export function relayRefusals(input: RelayInput): readonly Problem[] {
  const { port, directory, credentials, endpoints, caBundle, runtimeDirectory, proxy } = input;
  const wrongProxy = proxy === undefined ? undefined : proxyProblem(proxy);
  return [
    ...listOf(
      !(Number.isInteger(port) && port >= 1024 && port <= 65_535) && {
        subject: "--relay-port",
        says: `is ${port}, which is not a port from 1024 to 65535`,
        todo: "Name one of them: the relay runs without the right to others",
      },
    ),
    ...listOf(wrongProxy !== undefined && { subject: "proxy", ...splitAdvice(wrongProxy) }),
    ...Object.entries({ "--install-dir": directory, caBundle, runtimeDirectory })
      .filter(([, path]) => path !== undefined && !isPlainPath(path))
      .map(([subject, path]) => ({
        subject,
        says: `is "${path}", and nginx, Caddy and systemd quote paths differently`,
        todo: plainPathAdvice,
      })),
    ...signalNames.flatMap((signal) =>
      listOf(endpoints[signal]).flatMap((target) => targetProblems(`sitepass:endpoints.${signal}`, target)),
    ),
    ...credentialProblems(credentials),
  ];
}

function targetProblems(key: string, { hostname, base, paths }: RelayTarget): readonly Problem[] {
  const wrongHost = hostNameProblem(hostname);
  return listOf(
    wrongHost !== undefined && { subject: `${key}.hostname`, ...wrongValue(hostname, wrongHost) },
    base !== `https://${hostname}` &&
      !/^https?:\/\/127\.0\.0\.1:[0-9]{1,5}$/.test(base) && {
        subject: key,
        says: `is reached at "${base}"`,
        todo: `The relay sends the secret to https://${hostname} alone, or to a stand-in on 127.0.0.1`,
      },
    ...paths.map(
      (path) =>
        !/^(?:\/[\w.~-]+)+$/.test(path) && {
          subject: `${key}.paths`,
          says: `has "${path}"`,
          todo: "Write it as in /api/v1/write",
        },
    ),
  );
}
