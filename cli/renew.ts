import pc from "picocolors";
import { listTokens, readTokens } from "../cloudflare/service-tokens";
import { answered, type CloudflareApi } from "../cloudflare/client";
import { nameList } from "../operate/name-list";
import type { OpenStack } from "../stack/open-stack";
import { chooseTokens, type PassedOver, type TokenChoice } from "../operate/renew/choose-tokens";
import { renewTokens, type Renewal, type RenewTokensOptions } from "../operate/renew/renew-tokens";
import { selectSites } from "../operate/select-sites";
import { parseGoDuration } from "../fleet/duration";
import { UserError } from "../fleet/problem";
import type { ExitCode } from "./stack-command";
import { progressBar } from "./progress-bar";
import { textTable } from "./text-table";
import { sayProblems, warn } from "./warn";

export interface RenewOptions {
  /** Names; empty for the fleet. */
  readonly sites: readonly string[];
  readonly all: boolean;
  /** Milliseconds. */
  readonly within?: number;
  readonly json: boolean;
}

/** Renewals at a time; the pace of calls (cloudflare/request-pace.ts) is what takes time in a large fleet. */
const concurrency = 8;

/**
 * Renews the chosen sites' tokens. Nothing is renewed unless every token that was named is there; after that each is
 * judged alone, by what Cloudflare says of it afterwards.
 */
export async function renew(stack: OpenStack, options: RenewOptions, signal: AbortSignal): Promise<ExitCode> {
  const now = new Date();
  const named = options.sites.length > 0;
  const sites = named ? selectSites(stack.sites, options.sites) : stack.sites;
  const outputs = await stack.outputs();
  const api = await stack.cloudflareApi();
  const { accountId } = stack.config;
  const listed = answered(
    await listTokens(api, accountId),
    `list the service tokens of account ${accountId}`,
    readTokens,
  );
  const choice = chooseTokens(sites, { outputs, listed, named, within: options.within, now });
  if (choice.problems.length > 0) {
    throw new UserError(choice.problems);
  }
  warnOfShortTokens(choice);
  const renewals = await renewAll(api, choice, { config: stack.config, concurrency, now, signal });
  const problems = renewals.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  if (options.json) {
    console.log(JSON.stringify(document(renewals, choice), undefined, 2));
  } else {
    show(renewals, choice);
  }
  sayProblems(problems);
  return problems.length > 0 ? 1 : 0;
}

async function renewAll(
  api: CloudflareApi,
  { tokens }: TokenChoice,
  options: RenewTokensOptions,
): Promise<readonly Renewal[]> {
  if (tokens.length === 0) {
    return [];
  }
  const bar = progressBar("tokens");
  try {
    return await renewTokens(api, tokens, { ...options, onProgress: bar.update });
  } finally {
    bar.stop();
  }
}

const yearMilliseconds = 8760 * 3_600_000;

/** A year more may be longer than a token was ever meant to last. */
function warnOfShortTokens({ tokens }: TokenChoice): void {
  const short = tokens.filter(
    ({ site }) => (parseGoDuration(site.token.duration) ?? Infinity) < yearMilliseconds,
  );
  if (short.length > 0) {
    warn(
      `${nameList(short.map(({ site }) => `${site.name} (${site.token.duration})`))}: lasts less than a year by its file, and a renewal adds a year. To keep it short, rotate instead, or change token.duration.`,
    );
  }
}

function document(renewals: readonly Renewal[], { skipped }: TokenChoice): object {
  return {
    renewed: renewals.map(({ site, before, after, problem }) => ({
      site: site.name,
      ok: problem === undefined,
      formerExpiresAt: before ?? null,
      expiresAt: after ?? null,
      problem: problem ?? null,
    })),
    skipped,
  };
}

const reasons: readonly PassedOver[] = ["lasts forever", "lasts longer", "shut out", "no token yet"];

function show(renewals: readonly Renewal[], { skipped }: TokenChoice): void {
  if (renewals.length === 0) {
    console.log("No token was to be renewed.");
  } else {
    console.log(
      textTable(
        ["site", "renewal", "expiry before", "expiry now"],
        renewals.map(({ site, before, after, problem }) => [
          site.name,
          problem === undefined ? pc.green("renewed") : pc.red("not renewed"),
          before ?? "unknown",
          after === null ? "never" : (after ?? "unknown"),
        ]),
      ),
    );
  }
  for (const reason of reasons) {
    const names = skipped.filter((one) => one.reason === reason).map(({ site }) => site);
    if (names.length > 0) {
      console.log(`Passed over, ${reason}: ${nameList(names)}.`);
    }
  }
  if (renewals.some(({ problem }) => problem === undefined)) {
    console.log(
      "\nThe stack's outputs show the old expiry until `pulumi up --refresh`; nothing else depends on it.",
    );
  }
}
