import { attempt } from "../../fleet/attempt";
import type { OpenStack } from "../../stack/open-stack";

/** What the stack's state knows of a site's token. */
export interface HeldToken {
  readonly tokenId: string | undefined;
  readonly clientId: string | undefined;
  /** RFC 3339; empty for a token that never expires. */
  readonly expiresAt: string | undefined;
  /** False for a token that was adopted and not rotated since. */
  readonly hasSecret: boolean | undefined;
}

/** The tokens that the stack's state holds, by site, and what kept some of it from being read. */
export interface StackTokens {
  /** Undefined when nothing of the state could be read. */
  readonly held: ReadonlyMap<string, HeldToken> | undefined;
  readonly problems: readonly string[];
}

const tokenType = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken";

/**
 * Reads the state's resources, which say which tokens are the stack's even after an `up` that failed half-way, and its
 * outputs, which have the rest. A stack that was never brought up has neither, and that is no problem.
 */
export async function readStackTokens(stack: OpenStack): Promise<StackTokens> {
  const [resources, outputs] = await Promise.all([attempt(stack.resources), attempt(stack.outputs)]);
  const tokens = resources.value?.filter(({ type }) => type === tokenType);
  const sites = outputs.value?.sites;
  const neverUp = resources.value?.length === 0;
  if (tokens === undefined && sites === undefined) {
    return { held: undefined, problems: [...new Set([...resources.problems, ...outputs.problems])] };
  }
  const ids = new Map((tokens ?? []).map(({ name, id }) => [name, id]));
  const names = new Set([...ids.keys(), ...Object.keys(sites ?? {})]);
  return {
    held: new Map(
      [...names].map((name) => {
        const output = sites?.[name];
        return [
          name,
          {
            tokenId: ids.get(name),
            clientId: output?.clientId,
            expiresAt: output?.expiresAt,
            hasSecret: output === undefined ? undefined : output.clientSecret !== "",
          },
        ];
      }),
    ),
    problems: [...resources.problems, ...(neverUp ? [] : outputs.problems)],
  };
}
