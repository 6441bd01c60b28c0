import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../fleet/config";
import { signalNames, type SignalName } from "../../fleet/signals";
import type { Edge } from "cloudflare-standin/edge/edge";
import { send, type HeaderLines } from "cloudflare-standin/edge/http-messages";
import { onePush } from "../pushes/one-push";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";

/** Names of the sites that the demo adds to its copy of the project, to show what is refused. */
export interface DemoSites {
  readonly rotated: string;
  readonly disabled: string;
  readonly removed: string;
  readonly expiring: string;
}

/** How long the expiring site's token lasts, and the rotated one's old secret, in milliseconds of the stand-in's clock. */
export const shortLife = { token: 3_600_000, previousSecret: 1_800_000 };

const siteFile = (directory: string, name: string) => join(directory, "sites", `${name}.yaml`);

/** Writes the files of the demo's sites beside the shipped ones. */
export function addDemoSites(directory: string): DemoSites {
  const free = (name: string): string =>
    existsSync(siteFile(directory, name)) ? free(`${name}-again`) : name;
  const add = (name: string, content: string): string => {
    const found = free(name);
    writeFileSync(siteFile(directory, found), content);
    return found;
  };
  return {
    rotated: add("demo-rotated", ""),
    disabled: add("demo-disabled", ""),
    removed: add("demo-removed", ""),
    expiring: add("demo-expiring", `token: { duration: ${shortLife.token / 60_000}m }\n`),
  };
}

/** Rotates the secret of one of the demo's sites, shuts one out, and removes one. */
export function changeDemoSites(
  directory: string,
  { rotated, disabled, removed }: DemoSites,
  now: Date,
): void {
  const until = new Date(now.getTime() + shortLife.previousSecret).toISOString();
  writeFileSync(
    siteFile(directory, rotated),
    `token: { secretVersion: 2, previousSecretExpiresAt: ${until} }\n`,
  );
  writeFileSync(siteFile(directory, disabled), "token: { enabled: false }\n");
  rmSync(siteFile(directory, removed));
}

/** One thing that somebody tries, and what has to come of it. */
export interface Attempt {
  readonly what: string;
  readonly answer: Answer;
  /** Statuses, any of which is right. */
  readonly expected: readonly number[];
}

/** What a request is answered with, and by whom. */
interface Answer {
  readonly status: number;
  /** Access, cloudflared, the origin, or Cloudflare's network. */
  readonly by: string;
}

/** What attempts are made with. */
export interface AttemptOptions {
  readonly config: Config;
  readonly edge: Edge;
  /** Outputs after the demo's own sites were changed. */
  readonly outputs: RevealedOutputs;
  /** Outputs before. */
  readonly before: RevealedOutputs;
  readonly demoSites: DemoSites;
  /** Name of a shipped site, whose credentials are good. */
  readonly site: string;
}

/** The name of the metric that the demo pushes. */
export const demoMetric = "sitepass_demo";

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
  { config, edge, outputs }: AttemptOptions,
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
          answer: await push(
            edge,
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
  const { config, edge, outputs, before, demoSites, site } = options;
  const { rotated, disabled, removed } = demoSites;
  const good = credentialsOf(outputs, site);
  const formerly = (name: string) => headersOf(credentialsOf(before, name));
  const anothersSecret = credentialsOf(before, rotated).clientSecret;
  const attempt = attemptWith(options);
  const attempts = [
    await attempt("no token at all", site, [], [401]),
    await attempt("a wrong secret", site, tokenHeaders(good.clientId, "cfast_wrong"), [401]),
    await attempt(
      "one site's client ID with another's secret",
      site,
      tokenHeaders(good.clientId, anothersSecret),
      [401],
    ),
    await attempt("the token of a disabled site", disabled, formerly(disabled), [401]),
    await attempt("the token of a removed site", removed, formerly(removed), [401]),
  ];
  for (const { signal, hostname } of config.endpoints) {
    for (const [method, path] of readPaths[signal]) {
      attempts.push({
        what: `a good token on ${path}`,
        answer: await request(edge, method, `https://${hostname}${path}`, headersOf(good)),
        expected: [401, 403],
      });
    }
  }
  return [
    ...attempts,
    await attempt("the old secret, inside its window", rotated, formerly(rotated), delivered),
    await attempt("the new secret", rotated, headersOf(credentialsOf(outputs, rotated)), delivered),
  ];
}

/** What is refused once the clock has gone on. */
export async function tryLater(options: AttemptOptions): Promise<Attempt[]> {
  const { outputs, before, demoSites } = options;
  const { rotated, expiring } = demoSites;
  const attempt = attemptWith(options);
  return [
    await attempt(
      "the old secret, after its window",
      rotated,
      headersOf(credentialsOf(before, rotated)),
      [401],
    ),
    await attempt("an expired token", expiring, headersOf(credentialsOf(outputs, expiring)), [401]),
  ];
}

/** Pushes to the first endpoint that the good site may use, whoever pretends to push. */
function attemptWith({ config, edge, outputs, site: goodSite }: AttemptOptions) {
  const { endpoints } = credentialsOf(outputs, goodSite);
  const [signal] = config.endpoints.map((endpoint) => endpoint.signal).filter((name) => endpoints[name]);
  const url = signal && endpoints[signal];
  if (signal === undefined || url === undefined) {
    throw new Error("the site pushes nothing");
  }
  return async (
    what: string,
    site: string,
    headers: HeaderLines,
    expected: readonly number[],
  ): Promise<Attempt> => ({
    what,
    answer: await push(edge, { site, siteLabel: config.siteLabel }, signal, url, headers),
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

function headersOf({ clientId, clientSecret }: SiteCredentials): HeaderLines {
  return tokenHeaders(clientId, clientSecret);
}

/** Pushes one sample or one log line to a signal's endpoint. */
async function push(
  edge: Edge,
  { site, siteLabel }: { readonly site: string; readonly siteLabel: string },
  signal: SignalName,
  url: string,
  credentials: HeaderLines,
): Promise<Answer> {
  const labels = { [siteLabel]: site, job: "demo" };
  const { headers, body } = onePush(signal, labels, { metric: demoMetric, line: `a line from ${site}` });
  return request(edge, "POST", url, [...credentials, ...headers], body);
}

/** Sends any request for one of the push hosts. */
async function request(
  edge: Edge,
  method: string,
  url: string,
  headers: HeaderLines,
  body?: Buffer,
): Promise<Answer> {
  const { host, pathname, search } = new URL(url);
  const { status } = await send(edge.url, {
    ...{ method, host, path: pathname + search, headers },
    ...(body === undefined ? {} : { body }),
  });
  // cloudflared's requests for the team's keys are recorded too.
  const record = edge.answered.filter((answered) => answered.host === host).at(-1);
  return { status, by: record?.by ?? "nobody" };
}
