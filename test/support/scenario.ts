import assert from "node:assert/strict";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { startStandIn, type StandIn, type StandInOptions } from "cloudflare-standin";
import type { Database } from "cloudflare-standin/api/database";
import { permissions } from "cloudflare-standin/api/permissions";
import { copyProject, type ProjectStack } from "../../local/run/project-stack";
import { policyShardOf } from "../../provision/policy-shards";
import type { Engine } from "./engines";
import { killWithChildren } from "./kill";

export const accountId = "9a7806061c88ada191ed06f989cc3dac";

/** The stack's file that scenarios start from. */
const defaultConfiguration = {
  "sitepass:accountId": accountId,
  "sitepass:zone": "example.com",
  "sitepass:endpoints": { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } },
  "sitepass:publish": { tunnel: { name: "central-observability" } },
  "sitepass:teamName": "example-team",
};

/** A copy of the project, a stand-in, and a stack of the copy on an engine. */
export interface Scenario extends ProjectStack {
  readonly standIn: StandIn;
  readonly directory: string;
  /** Writes a site's file; an empty text is a site with every default. */
  readonly putSite: (name: string, text?: string) => void;
  readonly removeSite: (name: string) => void;
  /** Sets configuration keys, without their namespace; undefined takes one away. */
  readonly configure: (values: Readonly<Record<string, unknown>>) => void;
  /** What was asked of the stand-in since the last call, as `POST service_tokens` or `PUT apps/*`, in order. */
  readonly takeRequests: () => Requests;
  /** The same stack, whose engine is sent a Ctrl-C when the signal aborts. */
  readonly interruptible: (signal: AbortSignal) => ProjectStack;
  /** The same stack after `stack rename`. */
  readonly named: (stackName: string) => ProjectStack;
  /** The same stack, of whose run every process is killed with `kill`. */
  readonly killable: () => { readonly stack: ProjectStack; readonly kill: () => void };
  /** Another scenario that starts where this one is: account, state, configuration and sites. */
  readonly copy: () => Promise<Scenario>;
  /** Changes a file of `provision/`, of which the scenario has a copy of its own from then on. */
  readonly changeProgram: (file: string, change: (source: string) => string) => void;
  /** Gives the API token that the engine is run with every permission. */
  readonly allowEverything: () => void;
  readonly close: () => Promise<void>;
}

/** Runs an `up` that has to go well, and tells the calls that changed something, in order. */
export async function writesOfUp(fleet: Scenario): Promise<readonly string[]> {
  fleet.takeRequests();
  const { exitCode, text } = await fleet.up();
  assert.equal(exitCode, 0, text);
  return fleet.takeRequests().writes;
}

export interface Requests {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

export interface ScenarioOptions extends Pick<StandInOptions, "limits" | "now"> {
  /** File texts by site name. */
  readonly sites: Readonly<Record<string, string>>;
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** What the engine is given instead of the stand-in's own API token, which may do everything. */
  readonly apiToken?: (standIn: StandIn) => string;
}

export async function openScenario(engine: Engine, options: ScenarioOptions): Promise<Scenario> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  const directory = join(home, "project");
  mkdirSync(directory);
  copyProject(directory);
  for (const file of readdirSync(join(directory, "sites"))) {
    rmSync(join(directory, "sites", file));
  }
  // Not the shipped one, which users fill with their own values.
  writeFileSync(join(directory, "Pulumi.prod.yaml"), stringify({ config: defaultConfiguration }));
  const scenario = await openFolder(engine, options, home);
  for (const [name, text] of Object.entries(options.sites)) {
    scenario.putSite(name, text);
  }
  scenario.configure({ ...options.configuration });
  return scenario;
}

/** Opens a scenario whose project is in place. */
async function openFolder(engine: Engine, options: ScenarioOptions, home: string): Promise<Scenario> {
  const directory = join(home, "project");
  const sitesDirectory = join(directory, "sites");
  const standIn = await startStandIn({
    accountId,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  const stackFile = join(directory, "Pulumi.prod.yaml");
  const stackOptions = {
    directory,
    home,
    stackName: "prod",
    baseUrl: standIn.baseUrl,
    apiToken: options.apiToken?.(standIn) ?? standIn.apiToken,
  };
  const scenario: Scenario = {
    ...engine.open(stackOptions),
    standIn,
    directory,
    putSite: (name, text = "") => {
      writeFileSync(join(sitesDirectory, `${name}.yaml`), text);
    },
    removeSite: (name) => {
      rmSync(join(sitesDirectory, `${name}.yaml`));
    },
    configure: (values) => {
      const document = parseDocument(readFileSync(stackFile, "utf8"));
      for (const [key, value] of Object.entries(values)) {
        if (value === undefined) {
          document.deleteIn(["config", `sitepass:${key}`]);
        } else {
          document.setIn(["config", `sitepass:${key}`], value);
        }
      }
      writeFileSync(stackFile, document.toString());
    },
    takeRequests: () => takeRequestsTo(standIn),
    interruptible: (signal) => engine.open({ ...stackOptions, abort: signal }),
    named: (stackName) => engine.open({ ...stackOptions, stackName }),
    killable: () => {
      let running: number | undefined;
      const stack = engine.open({
        ...stackOptions,
        onStart: (pid) => {
          running = pid;
        },
      });
      return {
        stack,
        kill: () => {
          if (running !== undefined) {
            killWithChildren(running);
          }
        },
      };
    },
    changeProgram: (file, change) => {
      const provision = join(directory, "provision");
      if (lstatSync(provision).isSymbolicLink()) {
        const original = realpathSync(provision);
        rmSync(provision);
        cpSync(original, provision, { recursive: true });
      }
      writeFileSync(join(provision, file), change(readFileSync(join(provision, file), "utf8")));
    },
    allowEverything: () => {
      standIn.setPermissions(stackOptions.apiToken, permissions);
    },
    copy: async () => {
      const copiedHome = mkdtempSync(join(tmpdir(), "sitepass-test-"));
      cpSync(home, copiedHome, { recursive: true, verbatimSymlinks: true });
      const copied = await openFolder(engine, options, copiedHome);
      copyDatabase(standIn.database, copied.standIn.database);
      return copied;
    },
    close: async () => {
      await standIn.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
  return scenario;
}

/** What was asked of a stand-in since the last call. */
export function takeRequestsTo(standIn: StandIn): Requests {
  const requests = standIn.requests.map(({ method, path }) => `${method} ${shortPath(path)}`);
  standIn.clearRequests();
  return {
    reads: requests.filter((request) => request.startsWith("GET ")),
    writes: requests.filter((request) => !request.startsWith("GET ")),
  };
}

function copyDatabase(from: Database, to: Database): void {
  to.organization = structuredClone(from.organization);
  for (const table of [
    "serviceTokens",
    "policies",
    "applications",
    "tunnels",
    "zones",
    "dnsRecords",
    "notificationPolicies",
  ] as const) {
    const rows: Map<string, unknown> = to[table];
    for (const [id, row] of structuredClone(from[table])) {
      rows.set(id, row);
    }
  }
}

const collections = [
  "service_tokens",
  "policies",
  "apps",
  "cfd_tunnel",
  "dns_records",
  "zones",
  "organizations",
];

/** The collection, with a star for an object's ID: counts and orders are asserted on it. */
function shortPath(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "");
  const start = segments.findLastIndex((segment) => collections.includes(segment));
  return segments
    .slice(start)
    .map((segment, index) => (index === 1 ? "*" : segment))
    .join("/");
}

/** A name that falls into the same shard as another one, or into none of theirs. */
export function siteNameInPolicyShard(wanted: (shard: number) => boolean, prefix = "site"): string {
  for (let number = 1; ; number += 1) {
    const name = `${prefix}-${number}`;
    if (wanted(policyShardOf(name))) {
      return name;
    }
  }
}

/** How often each request came, for counts that do not depend on the order of what runs at the same time. */
export function tally(requests: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const request of requests) {
    counts[request] = (counts[request] ?? 0) + 1;
  }
  return counts;
}
