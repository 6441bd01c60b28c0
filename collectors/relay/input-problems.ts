import { hostNameProblem } from "../../fleet/names";
import { signalNames } from "../../fleet/signals";
import type { RelayInput, RelayTarget } from "./relay";

/**
 * What would break out of its place in a rendered file, or hand the secret to the wrong one. All but the port and the folder is
 * checked long before; this is the last gate before text is put together.
 */
export function inputProblems(input: RelayInput): readonly string[] {
  const { port, directory, credentials, endpoints, caBundle, runtimeDirectory } = input;
  return [
    ...(Number.isInteger(port) && port >= 1024 && port <= 65_535
      ? []
      : [
          `--relay-port: is ${port}. Name a port from 1024 to 65535: the relay runs without the right to others.`,
        ]),
    ...pathProblem("--install-dir", directory),
    ...pathProblem("caBundle", caBundle ?? "/"),
    ...pathProblem("runtimeDirectory", runtimeDirectory ?? "/"),
    ...signalNames.flatMap((signal) => targetProblems(`endpoints.${signal}`, endpoints[signal])),
    ...secretProblem("clientId", credentials.clientId),
    ...secretProblem("clientSecret", credentials.clientSecret),
  ];
}

function pathProblem(key: string, path: string): readonly string[] {
  return /^\/[\w./@+-]*$/.test(path)
    ? []
    : [
        `${key}: is "${path}", and nginx, Caddy and systemd quote paths differently. Name an absolute path of letters, digits and ._@+- alone.`,
      ];
}

function targetProblems(key: string, target: RelayTarget | undefined): readonly string[] {
  if (target === undefined) {
    return [];
  }
  const { hostname, base, paths } = target;
  const hostProblem = hostNameProblem(hostname);
  return [
    ...(hostProblem === undefined ? [] : [`${key}.hostname: is "${hostname}", which ${hostProblem}.`]),
    ...(base === `https://${hostname}` || /^https?:\/\/127\.0\.0\.1:[0-9]{1,5}$/.test(base)
      ? []
      : [
          `${key}: is reached at "${base}". The relay sends the secret to https://${hostname} alone, or to an imitation on 127.0.0.1.`,
        ]),
    ...paths
      .filter((path) => !/^(?:\/[\w.~-]+)+$/.test(path))
      .map((path) => `${key}.paths: has "${path}". Write it as in /api/v1/write.`),
  ];
}

/** Says nothing of the value: it may be a secret. */
function secretProblem(key: string, value: string): readonly string[] {
  if (value === "") {
    return [`${key}: is empty. Take the site's credentials from the stack again.`];
  }
  return /^[\w.~+/=-]+$/.test(value)
    ? []
    : [
        `${key}: has characters that no client ID or secret of Cloudflare's has, such as a quote or a line's end. Take the site's credentials from the stack again.`,
      ];
}
