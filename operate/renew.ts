import { answered, type CloudflareApi } from "../cloudflare/client";
import { listTokens, type AccountToken } from "../cloudflare/service-tokens";
import { parseGoDuration } from "../fleet/duration";
import { problemText, throwIfAny, type Problem } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { someOf } from "../fleet/wording";
import { matchToken, readAccountTokens } from "../stack/match-token";
import type { OpenStack } from "../stack/open-stack";
import type { RevealedOutputs } from "../stack/stack-outputs";
import { selectSites } from "./select-sites";

/** Which tokens a person wants renewed. */
export interface RenewRequest {
  /** Names of sites; empty for the fleet. */
  readonly sites: readonly string[];
  /** Only tokens that expire in this time; milliseconds. */
  readonly within?: number | undefined;
}

export interface RenewContext {
  readonly now: Date;
  /** When it aborts, no further token is renewed. */
  readonly abort?: AbortSignal | undefined;
  /** Told before anything is renewed. */
  readonly onWarning?: ((warning: Problem) => void) | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What came of one renewal. */
export interface Renewal {
  readonly site: Site;
  /** RFC 3339; null for none, undefined when Cloudflare does not say. */
  readonly before: string | null | undefined;
  /** As read after the renewal, whatever its answer said. */
  readonly after: string | null | undefined;
  /** Undefined when the token lasts longer than it did. */
  readonly problem: Problem | undefined;
}

/** A token that is not renewed. */
export interface SkippedToken {
  readonly site: string;
  readonly reason: "lasts forever" | "shut out" | "lasts longer" | "no token yet";
  readonly expiresAt: string | null;
}

/**
 * Renews the tokens of sites. Nothing is renewed unless every token that was named is there; after that each succeeds or
 * fails alone, by what Cloudflare says of it afterwards.
 *
 * @throws UserError when a name is not a site, a token is missing, or Cloudflare cannot be asked.
 */
export async function renewSites(
  stack: OpenStack,
  { sites: names, within }: RenewRequest,
  context: RenewContext,
): Promise<{ readonly renewals: readonly Renewal[]; readonly skipped: readonly SkippedToken[] }> {
  const named = names.length > 0;
  const sites = named ? selectSites(stack, names) : stack.sites;
  const outputs = await stack.outputs();
  const { api, tokens: listed, unseen } = await readAccountTokens(stack);
  const { now, onWarning } = context;
  const { tokens, skipped, problems } = selectTokens(sites, { outputs, listed, unseen, named, within, now });
  throwIfAny(problems);
  const declared = tokens.map(({ site: { name, token } }) => ({ name, duration: token.duration }));
  const short = declared.filter(({ duration }) => (parseGoDuration(duration) ?? Infinity) < yearMilliseconds);
  if (short.length > 0) {
    onWarning?.({
      subject: someOf(short.map(({ name, duration }) => `${name} (${duration})`)),
      says: "lasts less than a year by its file, and a renewal adds a year",
      todo: "To keep it short, rotate instead, or change token.duration",
    });
  }
  const { accountId } = stack.config;
  return {
    renewals: tokens.length === 0 ? [] : await renewTokens(api, tokens, { ...context, accountId }),
    skipped,
  };
}

const yearMilliseconds = 8760 * 3_600_000;

/** A site and its token as it was listed. */
export interface RenewableToken {
  readonly site: Site;
  readonly token: AccountToken;
}

export interface TokenSelection {
  readonly tokens: readonly RenewableToken[];
  readonly skipped: readonly SkippedToken[];
  readonly problems: readonly Problem[];
}

export interface TokenCriteria {
  readonly outputs: RevealedOutputs;
  /** Every token of the account that the API token is shown. */
  readonly listed: readonly AccountToken[];
  /** How many more the account has. */
  readonly unseen?: number | undefined;
  /** Whether a person named the sites: what is named is renewed unless there is nothing to renew. */
  readonly named: boolean;
  readonly within: number | undefined;
  readonly now: Date;
}

/** Which of these sites' tokens are to be renewed. */
export function selectTokens(sites: readonly Site[], criteria: TokenCriteria): TokenSelection {
  const tokens: RenewableToken[] = [];
  const skipped: SkippedToken[] = [];
  const problems: Problem[] = [];
  for (const site of sites) {
    const matched = matchToken(site, criteria.outputs, criteria.listed, criteria.unseen);
    if (!matched.ok) {
      if (criteria.outputs.sites[site.name] === undefined && !criteria.named) {
        skipped.push({ site: site.name, reason: "no token yet", expiresAt: null });
      } else {
        problems.push(...matched.problems);
      }
      continue;
    }
    const token = matched.value;
    const reason = reasonToSkip(site, token, criteria);
    if (reason === undefined) {
      tokens.push({ site, token });
    } else {
      skipped.push({ site: site.name, reason, expiresAt: token.expiresAt ?? null });
    }
  }
  return { tokens, skipped, problems };
}

function reasonToSkip(
  site: Site,
  { expiresAt }: AccountToken,
  { named, within, now }: TokenCriteria,
): SkippedToken["reason"] | undefined {
  if (expiresAt === null) {
    return "lasts forever";
  }
  if (!site.token.enabled && !named) {
    return "shut out";
  }
  // One whose expiry Cloudflare does not say counts as expiring.
  return within !== undefined && expiresAt !== undefined && Date.parse(expiresAt) > now.getTime() + within
    ? "lasts longer"
    : undefined;
}

export interface RenewTokensOptions extends Omit<RenewContext, "onWarning"> {
  readonly accountId: string;
  /** Calls at a time; default 8. The pace of calls (cloudflare/request-pace.ts) is what takes time in a large fleet. */
  readonly concurrency?: number;
}

/**
 * Has Cloudflare push out by a year each when tokens expire; their secrets stay. Then lists the tokens again, and believes
 * the list: an answer alone does not count as success.
 *
 * Goes on after a token that fails, but not when Cloudflare takes no more calls or is not reached.
 *
 * @throws UserError when the API token lacks the permission, before anything was renewed.
 */
export async function renewTokens(
  api: CloudflareApi,
  tokens: readonly RenewableToken[],
  { accountId, concurrency = 8, now, abort, onProgress }: RenewTokensOptions,
): Promise<readonly Renewal[]> {
  const { default: pMap } = await import("p-map");
  let done = 0;
  let stopped = false;
  const failures = new Map<string, Problem>();
  await pMap(
    tokens,
    async ({ site: { file: subject }, token }) => {
      if (stopped || abort?.aborted === true) {
        failures.set(token.id, { subject, says: "was not tried", todo: "Run it again" });
        return;
      }
      const doing = `renew the service token ${token.name}`;
      const result = await api.call(doing, () =>
        api.client.zeroTrust.access.serviceTokens.refresh(token.id, { account_id: accountId }),
      );
      if (result.kind === "failed") {
        failures.set(token.id, { subject, says: "was not renewed", todo: problemText(result.problem) });
        stopped ||= result.status === undefined || result.status === 429;
      } else {
        answered(result, doing, "Access: Service Tokens, Edit");
      }
      onProgress?.((done += 1), tokens.length);
    },
    { concurrency },
  );
  const listed = await listTokens(api, accountId);
  return tokens.map(({ site, token }) => {
    const after =
      listed.kind === "answered" ? listed.value.find(({ id }) => id === token.id)?.expiresAt : undefined;
    const before = token.expiresAt;
    return {
      site,
      before,
      after,
      problem: failures.get(token.id) ?? notLonger(site, before, after, now),
    };
  });
}

/** Why a token does not last longer than it did, as far as can be seen; undefined when it does. */
function notLonger(
  { file: subject, name }: Site,
  before: Renewal["before"],
  after: Renewal["after"],
  now: Date,
): Problem | undefined {
  if (after === undefined) {
    return {
      subject,
      says: "Cloudflare took the renewal, and its token could not be read again afterwards",
      todo: `Look at it with \`npx sitepass status ${name}\``,
    };
  }
  if (after === null) {
    return undefined;
  }
  const lasts = Date.parse(after);
  if (lasts <= now.getTime()) {
    return {
      subject,
      says: `Cloudflare took the renewal, and the token is still expired since ${after}`,
      todo: "Change token.duration in the file, which counts it anew with the same secret, and run `pulumi up`",
    };
  }
  return typeof before === "string" && lasts <= Date.parse(before)
    ? {
        subject,
        says: `Cloudflare took the renewal, and the token still expires at ${after}`,
        todo: "Try again; if it stays, change token.duration in the file and run `pulumi up`",
      }
    : undefined;
}
