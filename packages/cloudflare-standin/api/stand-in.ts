import { randomBytes } from "node:crypto";
import { getRequestListener } from "@hono/node-server";
import { listenOnLoopback } from "../loopback-server";
import { createApp } from "./app";
import { Faults, type Fault, type RequestRecord, type Switches } from "./control";
import { addZone, DatabaseFile, emptyDatabase, type Database, type ZoneOption } from "./database";
import { defaultLimits, RateLimit, type Limits } from "./limits";
import { permissions, type Permission } from "./permissions";

export interface StandInOptions {
  /** 32 hex digits. Default "0123456789abcdef0123456789abcdef". A state file of another account is refused. */
  readonly accountId?: string;
  /** The organization's `auth_domain` is `<teamName>.cloudflareaccess.com`. Default "example-team"; a state file's wins. */
  readonly teamName?: string;
  /** Zones in the account. Default example.com; zones given are added to a state file's. */
  readonly zones?: readonly ZoneOption[];
  /** Overrides of single limits; see {@link Limits} for what they are without. */
  readonly limits?: Partial<Limits>;
  /** Keeps the database in this file, and starts from it when it exists. Without it everything is in memory. */
  readonly stateFile?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** The clock, for expiry and timestamps. Default: the machine's. */
  readonly now?: () => Date;
  /** The API token with every permission; default a new one. */
  readonly apiToken?: string;
  /** Called after each request that may have changed the database, before it is answered. */
  readonly onChange?: () => void;
  /** What `POST /__standin/switches` turns on and off, by name. Default: nothing. */
  readonly switches?: Switches;
}

export interface StandIn {
  /** `http://127.0.0.1:PORT/client/v4`: the value for CLOUDFLARE_BASE_URL. */
  readonly baseUrl: string;
  /** An API token with every permission. */
  readonly apiToken: string;
  readonly database: Database;
  /** Requests to `/client/v4` in the order of their answers. */
  readonly requests: readonly RequestRecord[];
  clearRequests(): void;
  /** A new API token with only these permissions. */
  createApiToken(permissions: readonly Permission[]): string;
  /** Takes permissions from an API token, or gives it more. */
  setPermissions(apiToken: string, permissions: readonly Permission[]): void;
  /** Changes single limits, as Cloudflare does when it is asked to; but for the rate. */
  setLimits(limits: Partial<Omit<Limits, "requestsPerFiveMinutes">>): void;
  inject(fault: Fault): void;
  /** Every client secret, tunnel secret and tunnel token this process has issued; in memory only. */
  readonly issuedSecrets: ReadonlySet<string>;
  /** Stops listening, then saves the state file, if any. A second call does nothing more. */
  close(): Promise<void>;
}

/** An API token as Cloudflare makes them: 40 characters. */
export const newApiToken = (): string => randomBytes(30).toString("base64url");

/**
 * Starts a stand-in for Cloudflare's v4 API on 127.0.0.1; no option makes it listen elsewhere.
 *
 * Throws when the port is taken, the state file is broken or of another account, or an option is malformed.
 */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const now = options.now ?? ((): Date => new Date());
  const file = options.stateFile === undefined ? undefined : new DatabaseFile(options.stateFile);
  const database = initialDatabase(options, await file?.load(), now());
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const apiTokens = new Map<string, ReadonlySet<string>>();
  const faults = new Faults();
  const requests: RequestRecord[] = [];
  const issuedSecrets = new Set<string>();
  const createApiToken = (granted: readonly Permission[], token = newApiToken()): string => {
    apiTokens.set(token, new Set(granted));
    return token;
  };
  const app = createApp({
    database,
    limits,
    now,
    issuedSecrets,
    apiTokens,
    faults,
    requests,
    rateLimit: new RateLimit(limits.requestsPerFiveMinutes, now),
    changed: () => {
      file?.saveSoon(database);
      options.onChange?.();
    },
    switches: options.switches ?? {},
  });
  // The listener would otherwise put its own Request and Response in place of the process's.
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = await listenOnLoopback(
    (request, response) => void listener(request, response),
    options.port ?? 0,
  );
  let closing: Promise<void> | undefined;

  return {
    baseUrl: `${server.url}/client/v4`,
    apiToken: createApiToken(permissions, options.apiToken),
    database,
    requests,
    clearRequests: () => {
      requests.length = 0;
    },
    createApiToken: (granted) => createApiToken(granted),
    setPermissions: (apiToken, granted) => {
      apiTokens.set(apiToken, new Set(granted));
    },
    setLimits: (changed) => {
      Object.assign(limits, changed);
    },
    inject: (fault) => {
      faults.inject(fault);
    },
    issuedSecrets,
    close: () => (closing ??= server.close().then(() => file?.save(database))),
  };
}

function initialDatabase(options: StandInOptions, loaded: Database | undefined, now: Date): Database {
  const accountId = options.accountId ?? "0123456789abcdef0123456789abcdef";
  if (!/^[0-9a-f]{32}$/.test(accountId)) {
    throw new Error(`accountId: "${accountId}" is not 32 hex digits.`);
  }
  if (loaded !== undefined && options.accountId !== undefined && loaded.accountId !== accountId) {
    throw new Error(
      `stateFile: it belongs to account ${loaded.accountId}, not ${accountId}. Name another file or account.`,
    );
  }
  const database = loaded ?? emptyDatabase(accountId, options.teamName ?? "example-team");
  for (const zone of options.zones ?? (loaded === undefined ? [{ name: "example.com" }] : [])) {
    addZone(database, zone, now);
  }
  return database;
}
