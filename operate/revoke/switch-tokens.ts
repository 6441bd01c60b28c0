import type { Site } from "../../fleet/sites";
import { listTokens, readTokens, type AccountToken } from "../../cloudflare/service-tokens";
import { attempt } from "../../fleet/attempt";
import { answered, type CloudflareApi } from "../../cloudflare/client";
import type { OpenStack } from "../../stack/open-stack";
import { matchToken, matchTokenByName } from "../../stack/match-token";
import { setEnabled, type EnabledOutcome } from "./set-enabled";

export interface SwitchedTokens {
  readonly outcomes: ReadonlyMap<Site, EnabledOutcome>;
  /** Why the stack's outputs could not be read; the tokens were then looked for by their names. */
  readonly withoutOutputs: string | undefined;
}

/**
 * Turns the tokens of sites on or off at Cloudflare, one after the other, each on its own: one that fails keeps no other
 * back. What a person can mend is an outcome, and never thrown: the sites' files are still to be written.
 */
export async function switchTokens(
  stack: OpenStack,
  sites: readonly Site[],
  enabled: boolean,
): Promise<SwitchedTokens> {
  const [outputs, account] = await Promise.all([
    attempt(() => stack.outputs()),
    attempt(() => openAccount(stack)),
  ]);
  const outcomes = new Map<Site, EnabledOutcome>();
  for (const site of sites) {
    outcomes.set(
      site,
      account.value === undefined
        ? { kind: "failed", problem: account.problems.join(" ") }
        : await switchToken(account.value, stack, { site, outputs: outputs.value, enabled }),
    );
  }
  return {
    outcomes,
    withoutOutputs: outputs.value === undefined ? outputs.problems.join(" ") : undefined,
  };
}

interface Account {
  readonly api: CloudflareApi;
  readonly tokens: readonly AccountToken[];
}

async function openAccount(stack: OpenStack): Promise<Account> {
  const { accountId } = stack.config;
  const api = await stack.cloudflareApi();
  const doing = `list the service tokens of account ${accountId}`;
  return { api, tokens: answered(await listTokens(api, accountId), doing, readTokens) };
}

interface Switch {
  readonly site: Site;
  readonly outputs: Awaited<ReturnType<OpenStack["outputs"]>> | undefined;
  readonly enabled: boolean;
}

async function switchToken(
  { api, tokens }: Account,
  { ownPrefix, config }: OpenStack,
  { site, outputs, enabled }: Switch,
): Promise<EnabledOutcome> {
  const { token, problem } =
    outputs === undefined ? matchTokenByName(site, ownPrefix, tokens) : matchToken(site, outputs, tokens);
  return token === undefined
    ? { kind: "failed", problem }
    : setEnabled(api, config.accountId, token, enabled);
}
