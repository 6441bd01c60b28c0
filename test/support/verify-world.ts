import type { TestContext } from "node:test";
import type { AccessApplication, AccessPolicy, DnsRecord, ServiceToken } from "cloudflare-standin/api/rows";
import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { startReceiver, type Receiver } from "../../local/pushes/receiver";
import { openStack, type OpenStack } from "../../stack/open-stack";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { readVia } from "../../cli/via-option";
import { problemText } from "../../fleet/problem";
import { fleetProblems, type FleetVerdict } from "../../operate/verify/verdict";
import { verifySites, type VerifyOptions } from "../../operate/verify/verify-sites";
import type { Scenario } from "./scenario";

/** A fleet that is up, as `verify` sees it. */
export interface VerifyWorld {
  readonly fleet: Scenario;
  readonly stack: OpenStack;
  readonly outputs: RevealedOutputs;
  /** Opens the way that pushes take, until the test ends; everything on it can be stopped before. */
  readonly openPath: (t: TestContext, options?: PathOptions) => Promise<Path>;
  /** Looks at all sites, or at those named. */
  readonly look: (path: Pick<Path, "edge">, options?: LookOptions) => Promise<FleetVerdict>;
  /** What `verify` says is wrong. */
  readonly problems: (path: Pick<Path, "edge">, options?: LookOptions) => Promise<readonly string[]>;
  readonly tokenOf: (site: string) => ServiceToken;
  /** By its domain: a host, or a host and its first path. */
  readonly application: (domain: string) => AccessApplication;
  readonly record: (host: string) => DnsRecord;
  readonly policiesOf: (application: AccessApplication) => readonly AccessPolicy[];
}

export interface PathOptions {
  readonly now?: () => Date;
  /** Where both services are, in place of a receiver. */
  readonly origin?: string;
  /** An address in DNS records that leads to the receiver. */
  readonly address?: string;
}

export interface Path {
  readonly edge: Edge;
  readonly receiver: Receiver;
  readonly connector: Connector;
}

export interface LookOptions extends Partial<VerifyOptions> {
  readonly sites?: readonly string[];
}

export async function openVerifyWorld(fleet: Scenario): Promise<VerifyWorld> {
  const outputs = await fleet.outputs();
  const stack = openStack(fleet.directory, "prod", {
    outputs: () => Promise.resolve(outputs),
    resources: () => Promise.resolve([]),
    exportState: () => Promise.reject(new Error("nothing is exported here")),
    secretConfig: () => Promise.reject(new Error("nothing is encrypted here")),
  });
  const { database } = fleet.standIn;
  const look: VerifyWorld["look"] = ({ edge }, { sites, ...options } = {}) =>
    verifySites(
      stack.sites.filter(({ name }) => sites === undefined || sites.includes(name)),
      { config: stack.config, outputs, via: readVia({ via: edge.url, onStandIn: true }), ...options },
    );
  return {
    fleet,
    stack,
    outputs,
    openPath: async (t, { now, origin, address = "" } = {}) => {
      const { tunnelToken = "" } = outputs;
      const clock = now === undefined ? {} : { now };
      const receiver = await startReceiver();
      t.after(() => receiver.close());
      const edge = await startEdge({ database, addresses: new Map([[address, receiver.url]]), ...clock });
      t.after(() => edge.close());
      const service = origin ?? receiver.url;
      const services = new Map(stack.config.endpoints.map((endpoint) => [endpoint.origin, service]));
      const connector = await startConnector({ database, tunnelToken, services, ...clock });
      t.after(() => connector.close());
      return { edge, receiver, connector };
    },
    look,
    problems: async (path, options) => fleetProblems(await look(path, options)).map(problemText),
    tokenOf: (site) => found([...database.serviceTokens.values()], ({ name }) => name.endsWith(`/${site}`)),
    application: (domain) => found([...database.applications.values()], (row) => row.domain === domain),
    record: (host) => found([...database.dnsRecords.values()], ({ name }) => name === host),
    policiesOf: ({ policies }) =>
      policies.map(({ id }) => found([...database.policies.values()], (row) => row.id === id)),
  };
}

function found<T>(all: readonly T[], isIt: (one: T) => boolean): T {
  const one = all.find(isIt);
  if (one === undefined) {
    throw new Error("the stand-in has no such row");
  }
  return one;
}

const undoings = new WeakMap<TestContext, (() => void)[]>();

/** The last change first; a test's own hooks run in the order in which they were added. */
function undoAfter(t: TestContext, undo: () => void): void {
  const undos = undoings.get(t) ?? [];
  undos.push(undo);
  if (!undoings.has(t)) {
    undoings.set(t, undos);
    t.after(() => {
      for (const one of undos.toReversed()) {
        one();
      }
    });
  }
}

/** Sets properties of a row until the test ends. */
export function change<Row extends object>(t: TestContext, row: Row, values: Partial<Row>): void {
  const before = Object.fromEntries(Object.entries(row).filter(([key]) => Object.hasOwn(values, key)));
  Object.assign(row, values);
  undoAfter(t, () => Object.assign(row, before));
}

/** Puts a row into its table until the test ends. */
export function putIn<Row extends { readonly id: string }>(
  t: TestContext,
  table: Map<string, Row>,
  row: Row,
): void {
  table.set(row.id, row);
  undoAfter(t, () => table.delete(row.id));
}

/** Takes a row out of its table until the test ends. */
export function takeOut<Row extends { readonly id: string }>(
  t: TestContext,
  table: Map<string, Row>,
  row: Row,
): void {
  table.delete(row.id);
  undoAfter(t, () => table.set(row.id, row));
}
