import { z } from "zod";
import { configSchema, isZoneId, type ConfigValues } from "./config-schema";
import { describeIssue, type Finding } from "./describe-issue";
import { hostInZoneProblem } from "./names";
import { signalNames, signals, type SignalName } from "./signals";

/** Where a signal is pushed, with its defaults filled in. */
export interface Endpoint {
  readonly signal: SignalName;
  readonly hostname: string;
  /** Write paths, the first one being the endpoint's URL in the outputs. */
  readonly paths: readonly [string, ...string[]];
  /** Where cloudflared finds the service; unused when publishing by address. */
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

/** What was found: the configuration, or everything that is wrong with it, one sentence each. */
export type Parsed<T> =
  | { readonly value: T; readonly problems: readonly [] }
  | { readonly value?: undefined; readonly problems: readonly string[] };

const namespace = "sitepass";

/**
 * Checks the stack's configuration.
 *
 * @param raw all configuration of the stack as Pulumi hands it over: full keys, values as text, structured ones as JSON.
 */
export function parseConfig(raw: Readonly<Record<string, string>>): Parsed<Config> {
  const data = Object.fromEntries(
    Object.entries(raw)
      .filter(([key]) => key.startsWith(`${namespace}:`))
      .map(([key, value]) => {
        const name = key.slice(namespace.length + 1);
        return [name, decode(name, value)];
      }),
  );
  const parsed = configSchema.safeParse(data);
  if (!parsed.success) {
    const findings = parsed.error.issues.flatMap((issue) => describeIssue(issue, data, knownConfigKeys));
    return {
      problems: findings.map(({ key, says }) => asProblem({ key, says: missingKeyHint(key, data) ?? says })),
    };
  }
  const problems = crossChecks(parsed.data).map(asProblem);
  return problems.length > 0 ? { problems } : { value: resolve(parsed.data), problems: [] };
}

const asProblem = ({ key, says }: Finding): string => `${namespace}:${key}: ${says}.`;

/** A required key that is missing is explained, because its type alone would not say what to put there. */
function missingKeyHint(key: string, data: Readonly<Record<string, unknown>>): string | undefined {
  const schema: unknown = Reflect.get(configSchema.shape, key);
  return schema instanceof z.ZodType && data[key] === undefined
    ? `is missing. Set it in the stack's file: ${(schema.description ?? "").replace(/\.$/, "")}`
    : undefined;
}

/** Pulumi hands every value over as text; only keys that are not text themselves are decoded from it. */
function decode(name: string, value: string): unknown {
  const schema: unknown = Reflect.get(configSchema.shape, name);
  if (schema === undefined || isText(schema)) {
    return value;
  }
  try {
    return JSON.parse(value);
  } catch {
    // Left as text: the schema then says what was expected instead.
    return value;
  }
}

function isText(schema: unknown): boolean {
  return schema instanceof z.ZodDefault ? isText(schema.unwrap()) : schema instanceof z.ZodString;
}

function knownConfigKeys(path: readonly PropertyKey[]): readonly string[] {
  switch (path[0]) {
    case undefined:
      return Object.keys(configSchema.shape);
    case "endpoints":
      return path.length === 1 ? signalNames : ["hostname", "paths", "origin"];
    case "publish":
      return path.length === 1 ? ["tunnel", "addresses"] : path[1] === "tunnel" ? ["name"] : signalNames;
    default:
      return [];
  }
}

/** Rules between keys. */
function crossChecks(values: ConfigValues): Finding[] {
  const problems: Finding[] = [];
  const configured = signalNames.filter((name) => values.endpoints[name] !== undefined);
  const seen = new Map<string, SignalName>();
  for (const name of configured) {
    const hostname = values.endpoints[name]?.hostname ?? "";
    const key = `endpoints.${name}.hostname`;
    const other = seen.get(hostname);
    if (other !== undefined) {
      problems.push({
        key,
        says: `is "${hostname}", which is also the host of ${other}. Give each signal a host of its own: Access and the tunnel tell them apart by host`,
      });
    }
    seen.set(hostname, name);
    const inZone = isZoneId(values.zone) ? undefined : hostInZoneProblem(hostname, values.zone);
    if (inZone !== undefined) {
      problems.push({ key, says: `is "${hostname}", which ${inZone}` });
    }
  }
  return [...problems, ...publishProblems(values, configured)];
}

function publishProblems({ publish, endpoints }: ConfigValues, configured: readonly SignalName[]): Finding[] {
  const { addresses } = publish;
  if (addresses === undefined) {
    return [];
  }
  return signalNames.flatMap((name): Finding[] => {
    const key = `publish.addresses.${name}`;
    const address = addresses[name];
    const endpoint = endpoints[name];
    if (endpoint === undefined) {
      return address === undefined
        ? []
        : [
            {
              key,
              says: `is "${address}", but endpoints.${name} is not there. Add the endpoint, or drop the address`,
            },
          ];
    }
    const findings: Finding[] = [];
    if (address === undefined) {
      findings.push({ key, says: `is missing. Give the address that serves ${endpoint.hostname}` });
    } else if (configured.some((other) => endpoints[other]?.hostname === address)) {
      findings.push({
        key,
        says: `is "${address}", a push host itself. Give the name or address of the server behind it`,
      });
    }
    if (endpoint.origin !== undefined) {
      findings.push({
        key: `endpoints.${name}.origin`,
        says: `is "${endpoint.origin}", which only a tunnel uses, and publish says addresses. Drop the origin, or publish through a tunnel`,
      });
    }
    return findings;
  });
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
          origin: endpoint.origin ?? defaultOrigin,
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
