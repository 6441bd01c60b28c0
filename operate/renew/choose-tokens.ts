import type { Site } from "../../fleet/sites";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { matchToken } from "../../stack/match-token";
import type { RenewableToken } from "./renew-tokens";

/** Why a site's token is passed over. */
export type PassedOver = "lasts forever" | "shut out" | "lasts longer" | "no token yet";

export interface TokenChoice {
  readonly tokens: readonly RenewableToken[];
  readonly skipped: readonly {
    readonly site: string;
    readonly reason: PassedOver;
    readonly expiresAt: string | null;
  }[];
  /** In the project's error form. */
  readonly problems: readonly string[];
}

export interface TokenChoiceInput {
  readonly outputs: RevealedOutputs;
  /** Every token of the account. */
  readonly listed: readonly AccountToken[];
  /** Whether a person named the sites: what is named is renewed unless there is nothing to renew. */
  readonly named: boolean;
  /** Only tokens that expire in this time, in milliseconds. */
  readonly within: number | undefined;
  readonly now: Date;
}

/** Which of these sites' tokens are to be renewed. */
export function chooseTokens(sites: readonly Site[], input: TokenChoiceInput): TokenChoice {
  const tokens: RenewableToken[] = [];
  const skipped: TokenChoice["skipped"][number][] = [];
  const problems: string[] = [];
  for (const site of sites) {
    const { token, problem } = matchToken(site, input.outputs, input.listed);
    const unprovisioned = input.outputs.sites[site.name] === undefined;
    if (token === undefined) {
      if (unprovisioned && !input.named) {
        skipped.push({ site: site.name, reason: "no token yet", expiresAt: null });
      } else {
        problems.push(problem);
      }
      continue;
    }
    const reason = passedOver(site, token, input);
    if (reason === undefined) {
      tokens.push({ site, token });
    } else {
      skipped.push({ site: site.name, reason, expiresAt: token.expiresAt ?? null });
    }
  }
  return { tokens, skipped, problems };
}

function passedOver(
  site: Site,
  { duration, expiresAt }: AccountToken,
  { named, within, now }: TokenChoiceInput,
): PassedOver | undefined {
  if (expiresAt === null || (expiresAt === undefined && duration === "forever")) {
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
