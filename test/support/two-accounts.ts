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
import { startReceiver } from "../../local/pushes/receiver";
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
export interface TwoAccounts {
  readonly directory: string;
  readonly eu: AccountStack;
  readonly us: AccountStack;
  readonly putSite: (name: string, text?: string) => void;
  readonly siteText: (name: string) => string;
  readonly sitepass: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Runs an `up` of each that has to go well. */
  readonly up: () => Promise<void>;
  /** Opens the way that pushes to either account take; closed with it. */
  readonly openPath: () => Promise<string>;
  readonly close: () => Promise<void>;
}

const accounts = { eu: "a".repeat(32), us: "b".repeat(32) };

/** @param sites texts of files by site name. */
export async function openTwoAccounts(
  engine: Engine,
  sites: Readonly<Record<string, string>>,
): Promise<TwoAccounts> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-stacks-"));
  const directory = join(home, "project");
  mkdirSync(directory);
  copyProject(directory);
  for (const file of readdirSync(join(directory, "sites"))) {
    rmSync(join(directory, "sites", file));
  }
  rmSync(join(directory, "Pulumi.prod.yaml"));
  const closers: (() => Promise<void>)[] = [];
  const open = async (shard: keyof typeof accounts): Promise<AccountStack> => {
    const zone = `${shard}.example`;
    const standIn = await startStandIn({ accountId: accounts[shard], zones: [{ name: zone }] });
    closers.push(() => standIn.close());
    const config = {
      "cloudflare:apiToken": standIn.apiToken,
      "cloudflare:baseUrl": standIn.baseUrl,
      "sitepass:accountId": accounts[shard],
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
  const [eu, us] = [await open("eu"), await open("us")];
  const siteFile = (name: string): string => join(directory, "sites", `${name}.yaml`);
  const putSite: TwoAccounts["putSite"] = (name, text = "") => {
    writeFileSync(siteFile(name), text);
  };
  for (const [name, text] of Object.entries(sites)) {
    putSite(name, text);
  }
  return {
    directory,
    eu,
    us,
    putSite,
    siteText: (name) => readFileSync(siteFile(name), "utf8"),
    sitepass: ([command = "", ...args], options = {}) => {
      const state = engine.name === "pulumi" ? [] : ["--state", join(home, "{stack}.json")];
      const environment = {
        PULUMI_HOME: join(home, "no-pulumi"),
        ...eu.stack.forSitepass.environment,
        // What is said of one account must not reach the other; each stack has its own in its configuration.
        CLOUDFLARE_API_TOKEN: undefined,
        CLOUDFLARE_BASE_URL: undefined,
        PULUMI_STACK: undefined,
        ...options.environment,
      };
      return sitepass([command, "--cwd", directory, ...state, ...args], { ...options, environment });
    },
    up: async () => {
      for (const { stack } of [eu, us]) {
        const { exitCode, text } = await stack.up();
        assert.equal(exitCode, 0, text);
      }
    },
    openPath: async () => {
      const edges = new Map<string, string>();
      for (const [zone, { standIn, stack }] of [
        ["eu.example", eu],
        ["us.example", us],
      ] as const) {
        const { database } = standIn;
        const { tunnelToken = "" } = await stack.outputs();
        const receiver = await startReceiver();
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
        edges.set(zone, edge.url);
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
