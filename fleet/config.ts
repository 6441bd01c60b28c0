import { z } from "zod";
import { configSchema, isZoneId, type ConfigValues } from "./config-schema";
import { hostInZoneProblem } from "./names";
import { failure, success, type Problem, type Result } from "./problem";
import { signalNames, signals, type SignalName } from "./signals";
import { describeIssue, wrongValue } from "./zod-issues";

/** Where a signal is pushed, with its defaults filled in. */
export interface Endpoint {
  readonly signal: SignalName;
  readonly hostname: string;
  /** Write paths, the first one being the endpoint's URL in the outputs. */
  readonly paths: readonly [string, ...string[]];
  /** Where cloudflared finds the service: an address, or `unix:` and a socket's path. Unused when publishing by address. */
  readonly origin: string;
}

export type Publish =
  | { readonly kind: "tunnel"; readonly name: string }
  | { readonly kind: "addresses"; readonly addresses: ReadonlyMap<SignalName, string> };

/** The checked configuration. Every key that is not listed here is as in config-schema.ts. */
export interface Config extends Omit<ConfigValues, "endpoints" | "publish" | "zone"> {
  /** The zone's name or ID as configured; only one of them is known before it is looked up. */
  readonly zone: { readonly name: string } | { readonly id: string };
  /** In the order of the signal table. */
  readonly endpoints: readonly Endpoint[];
  readonly publish: Publish;
}

/** The URL that a site pushes to, for each of these endpoints: its first write path. */
export const endpointUrls = (endpoints: readonly Endpoint[]): Readonly<Partial<Record<SignalName, string>>> =>
  Object.fromEntries(
    endpoints.map(({ signal, hostname, paths: [path] }) => [signal, `https://${hostname}${path}`]),
  );

/** Where cloudflared finds the gate that `sitepass central` renders; one socket a signal. */
export const gateSocket = (signal: SignalName, directory = gateDirectory): string =>
  `${directory}/${signal}.sock`;

/** The folder of the gate's sockets on the central host. */
export const gateDirectory = "/run/sitepass";

const gateOrigin = (signal: SignalName): string => `unix:${gateSocket(signal)}`;

const namespace = "sitepass";

/**
 * Checks the stack's configuration.
 *
 * @param raw all configuration of the stack as Pulumi hands it over: full keys, values as text, structured ones as JSON.
 */
export function parseConfig(raw: Readonly<Record<string, string>>): Result<Config> {
  const data = Object.fromEntries(
    Object.entries(raw)
      .filter(([key]) => key.startsWith(`${namespace}:`))
      .map(([key, value]) => {
        const name = key.slice(namespace.length + 1);
        return [name, decode(name, value)];
      }),
  );
  const parsed = configSchema.safeParse(data);
  const problems = parsed.success
    ? crossChecks(parsed.data)
    : parsed.error.issues
        .flatMap((issue) => describeIssue(issue, data, configSchema))
        .map((problem) => ({
          ...problem,
          ...explainMissingKey(problem.subject, data),
          ...explainNumber(problem, data[problem.subject]),
        }));
  return parsed.success && problems.length === 0
    ? success(resolve(parsed.data))
    : failure(...problems.map((problem) => ({ ...problem, subject: `${namespace}:${problem.subject}` })));
}

/** A required key that is missing is explained, because its type alone would not say what to put there. */
function explainMissingKey(key: string, data: Readonly<Record<string, unknown>>): Partial<Problem> {
  const schema: unknown = Reflect.get(configSchema.shape, key);
  return schema instanceof z.ZodType && data[key] === undefined
    ? { says: "is missing", todo: `Set it in the stack's file: ${schema.description?.replace(/\.$/, "")}` }
    : {};
}

/** How Pulumi shows a number of many digits, which it reads where digits stand without quotes (pulumi#6787). */
const longNumber = /^-?\d(?:\.\d+)?e[+-]?\d+$/i;

/** A text of digits alone is read as a number where it stands without quotes, and then other digits arrive here. */
function explainNumber({ subject, todo }: Problem, value: unknown): Partial<Problem> {
  if (typeof value !== "string" || !isTextKey(subject)) {
    return {};
  }
  if (longNumber.test(value)) {
    return {
      says: `is ${value}, a number, because its digits stand without quotes`,
      todo: "Put it in quotes",
    };
  }
  return (subject === "accountId" || subject === "zone") && /^-?(?:\d+|\.inf|infinity)$/i.test(value)
    ? { todo: `${todo}; digits alone have to stand in quotes` }
    : {};
}

/** Pulumi hands every value over as text; only keys that are not text themselves are decoded from it. */
function decode(name: string, value: string): unknown {
  if (!Object.hasOwn(configSchema.shape, name) || isTextKey(name)) {
    return value;
  }
  try {
    return JSON.parse(value);
  } catch {
    // Left as text: the schema then says what was expected instead.
    return value;
  }
}

/** Whether a key's value is text, by the key's name without the namespace. */
export const isTextKey = (name: string): boolean => isText(Reflect.get(configSchema.shape, name));

function isText(schema: unknown): boolean {
  return schema instanceof z.ZodDefault ? isText(schema.unwrap()) : schema instanceof z.ZodString;
}

/** Rules between keys; each problem's subject is a key without the namespace. */
function crossChecks({ endpoints, publish, zone, identity }: ConfigValues): Problem[] {
  const problems: Problem[] = [];
  const add = (subject: string, says: string, todo: string) => {
    problems.push({ subject, says, todo });
  };
  const hosts = new Map<string, SignalName>();
  for (const name of signalNames) {
    const hostname = endpoints[name]?.hostname;
    if (hostname === undefined) {
      continue;
    }
    const subject = `endpoints.${name}.hostname`;
    const other = hosts.get(hostname);
    if (other !== undefined) {
      add(
        subject,
        `is "${hostname}", which is also the host of ${other}`,
        "Give each signal a host of its own: Access and the tunnel tell them apart by host",
      );
    }
    hosts.set(hostname, name);
    const inZone = isZoneId(zone) ? undefined : hostInZoneProblem(hostname, zone);
    if (inZone !== undefined) {
      problems.push({ subject, ...wrongValue(hostname, inZone) });
    }
  }
  if (publish.addresses !== undefined && identity !== "off") {
    add(
      "identity",
      `is ${identity}, and publish says addresses`,
      "Publish through a tunnel, or set it to off: the gate takes its requests from cloudflared",
    );
  }
  for (const name of publish.addresses === undefined ? [] : signalNames) {
    const subject = `publish.addresses.${name}`;
    const address = publish.addresses?.[name];
    const endpoint = endpoints[name];
    if (endpoint === undefined && address !== undefined) {
      add(
        subject,
        `is "${address}", but endpoints.${name} is not there`,
        "Add the endpoint, or drop the address",
      );
    } else if (endpoint !== undefined && address === undefined) {
      add(subject, "is missing", `Give the address that serves ${endpoint.hostname}`);
    } else if (address !== undefined && hosts.has(address)) {
      add(subject, `is "${address}", a push host itself`, "Give the name or address of the server behind it");
    }
    if (endpoint?.origin !== undefined) {
      add(
        `endpoints.${name}.origin`,
        `is "${endpoint.origin}", which only a tunnel uses, and publish says addresses`,
        "Drop the origin, or publish through a tunnel",
      );
    }
  }
  return problems;
}

function resolve({ endpoints, publish, zone, ...rest }: ConfigValues): Config {
  return {
    ...rest,
    zone: isZoneId(zone) ? { id: zone } : { name: zone },
    endpoints: signalNames.flatMap((signal) => {
      const endpoint = endpoints[signal];
      if (endpoint === undefined) {
        return [];
      }
      const { defaultPaths, defaultOrigin } = signals[signal];
      const [first, ...others] = endpoint.paths ?? [];
      return [
        {
          signal,
          hostname: endpoint.hostname,
          paths: first === undefined ? defaultPaths : ([first, ...others] as const),
          origin: endpoint.origin ?? (rest.identity === "off" ? defaultOrigin : gateOrigin(signal)),
        },
      ];
    }),
    publish:
      publish.tunnel === undefined
        ? {
            kind: "addresses",
            addresses: new Map(
              signalNames.flatMap((name) => {
                const address = publish.addresses?.[name];
                return address === undefined ? [] : [[name, address] as const];
              }),
            ),
          }
        : { kind: "tunnel", name: publish.tunnel.name },
  };
}
