import type { CallResult, CloudflareApi } from "../../cloudflare/client";
import type { ZoneRecord } from "../../cloudflare/dns-records";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { AccountZone } from "../../cloudflare/zones";
import type { OpenStack } from "../../stack/open-stack";
import type { Ownership } from "../ownership";
import type { WriteAnswer, WritePermissionName } from "./api-token";

/** What the checks of an account work with; what several of them need is asked for once. */
export interface CheckContext {
  readonly stack: OpenStack;
  readonly api: CloudflareApi;
  readonly tokens: Promise<CallResult<readonly AccountToken[]>>;
  readonly zone: Promise<CallResult<AccountZone | undefined>>;
  /** The records of each endpoint's host name; none without a zone. */
  readonly records: Promise<readonly CallResult<readonly ZoneRecord[]>[]>;
  readonly ownership: Promise<Ownership>;
  /** Asks for a permission to write, unless only reads are wanted. */
  readonly probe: (permission: WritePermissionName, zoneId?: string) => Promise<WriteAnswer>;
}
