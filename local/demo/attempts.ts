import type { Config } from "../../fleet/config";
import { signalNames, type SignalName } from "../../fleet/signals";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { DataPath } from "./data-path";
import type { Guests } from "./guests";
import { headersOf, push, request, type Outcome } from "./push";

/** One thing that somebody tries, and what has to come of it. */
export interface Attempt {
  readonly what: string;
  readonly outcome: Outcome;
  readonly expected: readonly number[];
}

/** What attempts are made with. */
export interface AttemptOptions {
  readonly config: Config;
  readonly path: DataPath;
  /** Outputs after the guests were changed. */
  readonly outputs: RevealedOutputs;
  /** The guests' credentials as they were before. */
  readonly before: RevealedOutputs;
  readonly guests: Guests;
  /** Name of a shipped site, whose credentials are good. */
  readonly site: string;
}

const delivered = [200, 204];

/** What a push token must never reach: reading what other sites sent, and changing the service. */
const readPaths: Readonly<Record<SignalName, readonly (readonly [method: string, path: string])[]>> = {
  metrics: [
    ["GET", "/api/v1/query"],
    ["POST", "/-/reload"],
  ],
  logs: [["GET", "/loki/api/v1/query_range"]],
};

/** Each shipped site pushes everything it may, with its own credentials. */
export async function pushShipped(
  { config, path, outputs }: Pick<AttemptOptions, "config" | "path" | "outputs">,
  sites: readonly { readonly name: string; readonly enabled: boolean }[],
): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const { name: site, enabled } of sites) {
    const credentials = credentialsOf(outputs, site);
    for (const signal of signalNames) {
      const url = credentials.endpoints[signal];
      if (url !== undefined) {
        attempts.push({
          what: `${site}${enabled ? "" : ", which is shut out,"} pushes ${signal === "metrics" ? "a sample" : "a log line"}`,
          outcome: await push(
            path.edge,
            { site, siteLabel: config.siteLabel },
            signal,
            url,
            headersOf(credentials),
          ),
          expected: enabled ? delivered : [401, 403],
        });
      }
    }
  }
  return attempts;
}

/** What is refused at any time, and what is still accepted inside the window of a rotation. */
export async function tryNow(options: AttemptOptions): Promise<Attempt[]> {
  const { config, path, outputs, before, guests, site } = options;
  const good = credentialsOf(outputs, site);
  const attempt = attemptWith(options);
  const reads: Attempt[] = [];
  for (const { signal: name, hostname } of config.endpoints) {
    for (const [method, address] of readPaths[name]) {
      reads.push({
        what: `a good token on ${address}`,
        outcome: await request(path.edge, method, `https://${hostname}${address}`, headersOf(good)),
        expected: [401, 403],
      });
    }
  }
  return [
    await attempt("no token at all", site, [], [401]),
    await attempt("a wrong secret", site, tokenHeaders(good.clientId, "cfast_wrong"), [401]),
    await attempt(
      "one site's client ID with another's secret",
      site,
      tokenHeaders(good.clientId, credentialsOf(before, guests.rotated).clientSecret),
      [401],
    ),
    await attempt(
      "the token of a disabled site",
      guests.disabled,
      headersOf(credentialsOf(before, guests.disabled)),
      [401],
    ),
    await attempt(
      "the token of a removed site",
      guests.removed,
      headersOf(credentialsOf(before, guests.removed)),
      [401],
    ),
    ...reads,
    await attempt(
      "the old secret, inside its window",
      guests.rotated,
      headersOf(credentialsOf(before, guests.rotated)),
      delivered,
    ),
    await attempt(
      "the new secret",
      guests.rotated,
      headersOf(credentialsOf(outputs, guests.rotated)),
      delivered,
    ),
  ];
}

/** What is refused once the clock has gone on. */
export async function tryLater(options: AttemptOptions): Promise<Attempt[]> {
  const { outputs, before, guests } = options;
  const attempt = attemptWith(options);
  return [
    await attempt(
      "the old secret, after its window",
      guests.rotated,
      headersOf(credentialsOf(before, guests.rotated)),
      [401],
    ),
    await attempt(
      "an expired token",
      guests.expiring,
      headersOf(credentialsOf(outputs, guests.expiring)),
      [401],
    ),
  ];
}

/** Pushes to the first endpoint that the good site may use, whoever pretends to push. */
function attemptWith({ config, path, outputs, site: goodSite }: AttemptOptions) {
  const [signal, url] = firstEndpoint(config, credentialsOf(outputs, goodSite));
  return async (
    what: string,
    site: string,
    headers: Parameters<typeof push>[4],
    expected: readonly number[],
  ): Promise<Attempt> => ({
    what,
    outcome: await push(path.edge, { site, siteLabel: config.siteLabel }, signal, url, headers),
    expected,
  });
}

function credentialsOf({ sites }: RevealedOutputs, site: string): SiteCredentials {
  const credentials = sites[site];
  if (credentials === undefined) {
    throw new Error(`the stack has no output for ${site}`);
  }
  return credentials;
}

function firstEndpoint(config: Config, { endpoints }: SiteCredentials): readonly [SignalName, string] {
  for (const { signal } of config.endpoints) {
    const url = endpoints[signal];
    if (url !== undefined) {
      return [signal, url];
    }
  }
  throw new Error("the site pushes nothing");
}
