import { answered, type CallResult, type CloudflareApi } from "../cloudflare/client";
import { readToken, type AccountToken } from "../cloudflare/service-tokens";
import {
  attempt,
  distinctProblems,
  failure,
  problemsOf,
  success,
  UserError,
  type Problem,
  type Result,
} from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { matchToken, matchTokenByName, readAccountTokens } from "../stack/match-token";
import type { OpenStack } from "../stack/open-stack";
import { selectSites } from "./select-sites";
import { prepareEdits, writeEdits, type SiteFileEdit } from "./site-file/site-file-edits";

export interface RevokeRequest {
  /** Names of sites. */
  readonly sites: readonly string[];
  /** False shuts the sites out, true lets them in again. */
  readonly enabled: boolean;
  /** Also switches the tokens at Cloudflare, before the files. */
  readonly immediately: boolean;
  /** Works out what would be written, and changes nothing. */
  readonly dryRun: boolean;
}

/** What became of a site: of its file, and of its token at Cloudflare. */
export interface Revocation {
  readonly site: Site;
  readonly file: "written" | "already so" | "not written";
  readonly cloudflare: "changed" | "already" | "failed" | "not asked";
}

export interface RevokeReport {
  /** Empty with `dryRun`. */
  readonly sites: readonly Revocation[];
  /** The files that were to change. */
  readonly edits: readonly SiteFileEdit[];
  /** What failed, of files and of tokens. */
  readonly problems: readonly Problem[];
  /** Why the stack's outputs could not be read, so that tokens were looked for by name. */
  readonly outputsProblems: readonly Problem[];
}

/**
 * Shuts sites out, or lets them in again.
 *
 * With `immediately`, Cloudflare comes first: a leaked secret does harm by the second, and the files can wait. The files
 * are written even if Cloudflare could not be reached, so that the next `up` shuts the sites out; and the tokens are
 * disabled even if a file cannot be changed. Each is told.
 *
 * @throws UserError when a name is not a site, or, without `immediately`, when a file cannot be changed; nothing is
 * changed then.
 */
export async function revokeSites(
  stack: OpenStack,
  { sites: names, enabled, immediately, dryRun }: RevokeRequest,
): Promise<RevokeReport> {
  const sites = selectSites(stack, names);
  const prepared = await prepareEdits(
    stack.directory,
    sites.map((site) => ({ site, changes: { enabled } })),
  );
  if (prepared.problems.length > 0 && !immediately) {
    throw new UserError(prepared.problems);
  }
  const edits = prepared.edits.filter(({ lines }) => lines.length > 0);
  if (dryRun) {
    return { sites: [], edits, problems: prepared.problems, outputsProblems: [] };
  }
  const switched = immediately ? await switchTokens(stack, sites, enabled) : undefined;
  const files = await attempt(() => writeEdits(edits));
  const { written, problems: notWritten } = files.ok
    ? files.value
    : { written: [], problems: files.problems };
  const left = prepared.edits.filter(({ lines }) => lines.length === 0);
  return {
    sites: sites.map((site) => ({
      site,
      file: written.includes(site.file)
        ? "written"
        : left.some(({ file }) => file === site.file)
          ? "already so"
          : "not written",
      cloudflare: outcomeKind(switched?.outcomes.get(site)),
    })),
    edits,
    // What keeps every site from being switched, such as a missing API token, is told once.
    problems: distinctProblems([
      ...[...(switched?.outcomes.values() ?? [])].flatMap(problemsOf),
      ...prepared.problems,
      ...notWritten,
    ]),
    outputsProblems: switched?.outputsProblems ?? [],
  };
}

const outcomeKind = (outcome: Result<"changed" | "already"> | undefined): Revocation["cloudflare"] =>
  outcome === undefined ? "not asked" : outcome.ok ? outcome.value : "failed";

export interface SwitchedTokens {
  /** "already" when Cloudflare had the token so; "changed" when it said so after it was asked for it. */
  readonly outcomes: ReadonlyMap<Site, Result<"changed" | "already">>;
  readonly outputsProblems: readonly Problem[];
}

/**
 * Turns the tokens of sites on or off at Cloudflare, one after the other: one that fails does not keep the others back.
 * What a person can put right is an outcome and never thrown, because the sites' files are still to be written.
 */
export async function switchTokens(
  stack: OpenStack,
  sites: readonly Site[],
  enabled: boolean,
): Promise<SwitchedTokens> {
  const [outputs, account] = await Promise.all([
    attempt(() => stack.outputs()),
    attempt(() => readAccountTokens(stack)),
  ]);
  const outcomes = new Map<Site, Result<"changed" | "already">>();
  for (const site of sites) {
    if (!account.ok) {
      outcomes.set(site, account);
      continue;
    }
    const { api, tokens, unseen } = account.value;
    const token = outputs.ok
      ? matchToken(site, outputs.value, tokens, unseen)
      : matchTokenByName(site, stack.ownPrefix, tokens, unseen);
    outcomes.set(
      site,
      token.ok ? await switchToken(api, stack.config.accountId, token.value, enabled) : token,
    );
  }
  return { outcomes, outputsProblems: problemsOf(outputs) };
}

/**
 * Turns a token on or off, and reads it again: an answer alone does not count as success.
 *
 * Name and duration are sent along as they are: that fields which a PUT leaves out stay is documented nowhere (the SDK
 * only calls them optional), and the provider sends them too. The secret's version is not sent: what Cloudflare makes of
 * one that is not its own is not known, and at worst it rotates.
 */
async function switchToken(
  api: CloudflareApi,
  accountId: string,
  token: AccountToken,
  enabled: boolean,
): Promise<Result<"changed" | "already">> {
  if (token.enabled === enabled) {
    return success("already");
  }
  const doing = `${enabled ? "enable" : "disable"} the service token ${token.name}`;
  const result = await api.call(doing, () =>
    api.client.zeroTrust.access.serviceTokens.update(token.id, {
      account_id: accountId,
      name: token.name,
      ...(token.duration === undefined ? {} : { duration: token.duration }),
      enabled,
    }),
  );
  const done = await attempt(() => answered(result, doing, "Access: Service Tokens, Edit"));
  if (!done.ok) {
    return done;
  }
  const now = await readToken(api, accountId, token);
  return now.kind === "answered" && now.value.enabled === enabled
    ? success("changed")
    : failure({
        subject: "Cloudflare",
        says: `took the order to ${doing}, and ${whatIsNotProven(now)}`,
        todo: "Look at it in the dashboard (Zero Trust > Access controls > Service credentials), and run this again",
      });
}

/** Of a token that was read again, and is not shown as it was ordered to be. */
function whatIsNotProven(now: CallResult<Pick<AccountToken, "enabled">>): string {
  if (now.kind !== "answered") {
    return "could not be asked afterwards";
  }
  return now.value.enabled === undefined ? "does not say whether it is done" : "does not show it as done";
}
