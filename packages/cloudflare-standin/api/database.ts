import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import * as rows from "./rows";

/** Everything that one account holds: a plain object of tables keyed by ID. The data path reads and writes the same object. */
export interface Database {
  accountId: string;
  organization: rows.Organization;
  readonly serviceTokens: Map<string, rows.ServiceToken>;
  readonly policies: Map<string, rows.AccessPolicy>;
  readonly applications: Map<string, rows.AccessApplication>;
  /** Deleted tunnels stay in it, with `deleted_at` set. */
  readonly tunnels: Map<string, rows.Tunnel>;
  readonly zones: Map<string, rows.Zone>;
  readonly dnsRecords: Map<string, rows.DnsRecord>;
  readonly notificationPolicies: Map<string, rows.NotificationPolicy>;
}

/** A zone's ID: the first 32 hex digits of its name's SHA-256, so that a zone has the same ID in every run. */
export function zoneId(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** A zone for the account to have. */
export interface ZoneOption {
  readonly name: string;
  /** 32 hex digits; by default {@link zoneId} of the name. */
  readonly id?: string;
  /** Default active. */
  readonly status?: NonNullable<rows.Zone["status"]>;
  /** Of another account that the API token may see; default this one's. */
  readonly accountId?: string;
}

/** Adds a zone unless the account has it. */
export function addZone(
  database: Database,
  { name, id = zoneId(name), ...others }: ZoneOption,
  now: Date,
): void {
  if (!database.zones.has(id)) {
    database.zones.set(id, { id, name, created_on: now.toISOString(), fight_mode: false, ...others });
  }
}

/** An account with a Zero Trust organization and nothing else. */
export function emptyDatabase(accountId: string, teamName: string): Database {
  return {
    accountId,
    organization: {
      name: teamName,
      auth_domain: `${teamName}.cloudflareaccess.com`,
      allow_authenticate_via_warp: false,
      auto_redirect_to_identity: false,
      deny_unmatched_requests: false,
      is_ui_read_only: false,
      session_duration: "24h",
      strict_service_token_auth: false,
    },
    serviceTokens: new Map(),
    policies: new Map(),
    applications: new Map(),
    tunnels: new Map(),
    zones: new Map(),
    dnsRecords: new Map(),
    notificationPolicies: new Map(),
  };
}

/** A table in the file is a list of its rows. */
function tableOf<Row extends { readonly id: string }>(row: z.ZodType<Row>): z.ZodType<Map<string, Row>> {
  return z.array(row).transform((list) => new Map(list.map((one) => [one.id, one])));
}

const currentFormat = 1;

const fileContent = z.strictObject({
  format: z.number(),
  accountId: z.string(),
  organization: rows.organizationRow,
  serviceTokens: tableOf(rows.serviceTokenRow),
  policies: tableOf(rows.accessPolicyRow),
  applications: tableOf(rows.accessApplicationRow),
  tunnels: tableOf(rows.tunnelRow),
  zones: tableOf(rows.zoneRow),
  dnsRecords: tableOf(rows.dnsRecordRow),
  notificationPolicies: tableOf(rows.notificationPolicyRow),
});

/** The database as JSON text. Connectors are left out: none is running when the text is read again. */
function toJson(database: Database): string {
  const tunnels = [...database.tunnels.values()].map((tunnel) => ({ ...tunnel, connections: [] }));
  return JSON.stringify({ format: currentFormat, ...database, tunnels }, (_key, value: unknown) =>
    value instanceof Map ? [...value.values()] : value,
  );
}

const shortestPauseMilliseconds = 100;

/**
 * Keeps a database in a file (mode 0600, in a folder of mode 0700 if it has to be made).
 *
 * A save writes everything, so a save per request would make N writes cost N². Changes are gathered instead: the first
 * one starts a clock, and what has changed when it rings is saved at once. The pause is ten times the last save, at least
 * 0.1 s, so that saving never takes more than a tenth of the time. Answers do not wait for it. A `kill -9` thus loses
 * the last moments, and a caller sees that as objects that were deleted by hand.
 */
export class DatabaseFile {
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  #lastSaveMilliseconds = 0;

  constructor(readonly path: string) {}

  /** The database in the file; undefined when there is no file. Throws, and leaves the file alone, when it holds anything else. */
  async load(): Promise<Database | undefined> {
    let json: string;
    try {
      json = await readFile(this.path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") {
        return undefined;
      }
      throw error;
    }
    try {
      const parsed: unknown = JSON.parse(json);
      const { format, ...database } = fileContent.parse(parsed);
      if (format !== currentFormat) {
        throw new Error(`its format is ${format}, not ${currentFormat}`);
      }
      return database;
    } catch (cause) {
      throw new Error(
        `${this.path}: not a state file of the stand-in. It was left as it is; fix it, move it away, or name another file.`,
        { cause },
      );
    }
  }

  /** Sees to it that the database is saved soon. A save that fails is reported on standard error. */
  saveSoon(database: Database): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.save(database).catch((error: unknown) => {
          console.error("The stand-in could not save its state file:", error);
        });
      },
      Math.max(shortestPauseMilliseconds, 10 * this.#lastSaveMilliseconds),
    ).unref();
  }

  /** Saves now, after a save that is under way. */
  async save(database: Database): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#write(database));
    await this.#saving;
  }

  async #write(database: Database): Promise<void> {
    const start = performance.now();
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.path, toJson(database), { mode: 0o600 });
    this.#lastSaveMilliseconds = performance.now() - start;
  }
}
