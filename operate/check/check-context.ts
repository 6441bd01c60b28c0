import type { CallResult, CloudflareApi } from "../../cloudflare/client";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { OpenStack } from "../../stack/open-stack";
import type { HeldObjects } from "./held-objects";
import type { ProbeName, WriteAnswer } from "./write-probes";

/** What the checks of an account work with. */
export interface CheckContext {
  readonly stack: OpenStack;
  readonly api: CloudflareApi;
  /** The account's service tokens, asked for once. */
  readonly tokens: Promise<CallResult<readonly AccountToken[]>>;
  /** What the stack's state says is its own. */
  readonly held: Promise<HeldObjects>;
  /** Asks for a permission to write, unless only reads are wanted. */
  readonly probe: (name: ProbeName, zoneId?: string) => Promise<WriteAnswer>;
}
