import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStandIn, type StandIn } from "cloudflare-standin";
import { startConnector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge } from "cloudflare-standin/edge/edge";
import { stringify } from "yaml";
import { startReceiver, type Receiver } from "../../local/pushes/receiver";
import { copyProject, type ProjectStack } from "../../local/run/project-stack";
import type { CommandResult } from "./run-here";
import type { Engine } from "./engines";
import { sitepass, type CommandOptions } from "./sitepass";

/** One stack of the project, in an account of its own. */
export interface AccountStack {
  readonly standIn: StandIn;
  readonly stack: ProjectStack;
}

/** A copy of the project whose stacks are shards, each with a stand-in of its own. */
export interface Accounts {
  readonly directory: string;
  /** By shard, which is also the stack's name. */
  readonly stacks: ReadonlyMap<string, AccountStack>;
  readonly putSite: (name: string, text?: string) => void;
  readonly siteText: (name: string) => string;
  readonly sitepass: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Runs an `up` of each that has to go well. */
  readonly up: () => Promise<void>;
  /** Opens the way that pushes to any of the accounts take; closed with it. */
  readonly openPath: () => Promise<string>;
  /** What arrived by shard, once the way is open. */
  readonly receivers: ReadonlyMap<string, Receiver>;
  readonly close: () => Promise<void>;
}

export interface TwoAccounts extends Accounts {
  readonly eu: AccountStack;
  readonly us: AccountStack;
}

/** @param sites texts of files by site name. */
export async function openTwoAccounts(
  engine: Engine,
  sites: Readonly<Record<string, string>>,
): Promise<TwoAccounts> {
  const accounts = await openAccounts(engine, sites, { eu: "a".repeat(32), us: "b".repeat(32) });
  const stackOf = (shard: string): AccountStack => accounts.stacks.get(shard) ?? assert.fail(shard);
  return { ...accounts, eu: stackOf("eu"), us: stackOf("us") };
}

/**
 * @param sites texts of files by site name.
 * @param accountIds of each shard; its zone is `<shard>.example`.
 */
export async function openAccounts(
  engine: Engine,
  sites: Readonly<Record<string, string>>,
  accountIds: Readonly<Record<string, string>>,
): Promise<Accounts> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-stacks-"));
  const directory = join(home, "project");
  mkdirSync(directory);
  copyProject(directory);
  for (const file of readdirSync(join(directory, "sites"))) {
    rmSync(join(directory, "sites", file));
  }
  rmSync(join(directory, "Pulumi.prod.yaml"));
  const closers: (() => Promise<void>)[] = [];
  const open = async (shard: string, accountId: string): Promise<AccountStack> => {
    const zone = `${shard}.example`;
    const standIn = await startStandIn({ accountId, zones: [{ name: zone }] });
    closers.push(() => standIn.close());
    const config = {
      "cloudflare:apiToken": standIn.apiToken,
      "cloudflare:baseUrl": standIn.baseUrl,
      "sitepass:accountId": accountId,
      "sitepass:zone": zone,
      "sitepass:endpoints": {
        metrics: { hostname: `prom.${zone}` },
        logs: { hostname: `loki.${zone}` },
      },
      "sitepass:publish": { tunnel: { name: `central-${shard}` } },
      "sitepass:teamName": "example-team",
      "sitepass:shard": shard,
    };
    writeFileSync(join(directory, `Pulumi.${shard}.yaml`), stringify({ config }));
    const { baseUrl, apiToken } = standIn;
    const stack = engine.open({ directory, home, stackName: shard, baseUrl, apiToken });
    return { standIn, stack };
  };
  const receivers = new Map<string, Receiver>();
  const stacks = new Map<string, AccountStack>();
  for (const [shard, accountId] of Object.entries(accountIds)) {
    stacks.set(shard, await open(shard, accountId));
  }
  const siteFile = (name: string): string => join(directory, "sites", `${name}.yaml`);
  const putSite: Accounts["putSite"] = (name, text = "") => {
    writeFileSync(siteFile(name), text);
  };
  for (const [name, text] of Object.entries(sites)) {
    putSite(name, text);
  }
  return {
    directory,
    stacks,
    receivers,
    putSite,
    siteText: (name) => readFileSync(siteFile(name), "utf8"),
    sitepass: ([command = "", ...args], options = {}) => {
      const state = engine.name === "pulumi" ? [] : ["--state", join(home, "{stack}.json")];
      const environment = {
        PULUMI_HOME: join(home, "no-pulumi"),
        ...[...stacks.values()][0]?.stack.forSitepass.environment,
        // What is said of one account must not reach the other; each stack has its own in its configuration.
        CLOUDFLARE_API_TOKEN: undefined,
        CLOUDFLARE_BASE_URL: undefined,
        PULUMI_STACK: undefined,
        ...options.environment,
      };
      return sitepass([command, "--cwd", directory, ...state, ...args], { ...options, environment });
    },
    up: async () => {
      for (const { stack } of stacks.values()) {
        const { exitCode, text } = await stack.up();
        assert.equal(exitCode, 0, text);
      }
    },
    openPath: async () => {
      const edges = new Map<string, string>();
      for (const [shard, { standIn, stack }] of stacks) {
        const { database } = standIn;
        const { tunnelToken = "" } = await stack.outputs();
        const receiver = await startReceiver();
        receivers.set(shard, receiver);
        const edge = await startEdge({ database });
        const services = new Map(
          ["http://localhost:9090", "http://localhost:3100"].map((origin) => [origin, receiver.url]),
        );
        const connector = await startConnector({ database, tunnelToken, services });
        closers.push(
          () => receiver.close(),
          () => edge.close(),
          () => connector.close(),
        );
        edges.set(`${shard}.example`, edge.url);
      }
      const { url, close } = await startFront(edges);
      closers.push(close);
      return url;
    },
    close: async () => {
      for (const close of closers.toReversed()) {
        await close();
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** One address for the edges of several accounts, as Cloudflare's is: each request goes to that of its host's zone. */
async function startFront(
  edges: ReadonlyMap<string, string>,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer((incoming, answer) => {
    const zone = (incoming.headers.host ?? "").replace(/:\d+$/, "").split(".").slice(1).join(".");
    const edge = new URL(edges.get(zone) ?? assert.fail(`no account has ${zone}`));
    const { method, url: path, rawHeaders } = incoming;
    const { hostname: host, port } = edge;
    const headers: [string, string][] = [];
    for (let index = 0; index < rawHeaders.length; index += 2) {
      headers.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
    }
    const outgoing = request(
      { host, port, method, path, headers: headers.flat(), setHost: false },
      (from) => {
        answer.writeHead(from.statusCode ?? 502, from.rawHeaders);
        from.pipe(answer);
      },
    );
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}
