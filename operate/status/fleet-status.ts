import type { AccountToken } from "../../cloudflare/service-tokens";
import type { Result } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import { shardText } from "../../fleet/names";
import type { Site, SiteElsewhere } from "../../fleet/sites";
import {
  kindsOfTrouble,
  rankOf,
  trouble,
  type SiteState,
  type SiteStatus,
  type Trouble,
  type TroubleKind,
} from "./site-status";
import { accessTroubles, timeTroubles, type EndpointAccess, type Thresholds } from "./site-troubles";

/** What was read of a fleet; undefined is what could not be. */
export interface FleetFacts {
  readonly sites: readonly Site[];
  /** Those of other shards. */
  readonly elsewhere: readonly SiteElsewhere[];
  /** Prefix of the names of this stack's tokens. */
  readonly ownPrefix: string;
  /** What the stack's state has, by site. */
  readonly stackTokens: ReadonlyMap<string, StackToken> | undefined;
  readonly tokens: readonly AccountToken[] | undefined;
  /** False where Cloudflare has more tokens than it shows: then one that is not among them is not gone. */
  readonly allTokensShown: boolean;
  /** Empty when the applications could not be read. */
  readonly endpoints: ReadonlyMap<SignalName, Result<EndpointAccess>>;
}

/** What the stack's state knows of a site's token. */
export interface StackToken {
  readonly tokenId: string | undefined;
  readonly clientId: string | undefined;
  /** RFC 3339; empty for a token that never expires. */
  readonly expiresAt: string | undefined;
  /** False for a token that was adopted and not rotated since. */
  readonly hasSecret: boolean | undefined;
  /** The version of its secret that the last `up` asked for; undefined when the state does not say. */
  readonly secretVersion: number | undefined;
}

/** Every site that a file or the state knows, and every token that neither does, worst first and then by name. */
export function fleetStatus(facts: FleetFacts, thresholds: Thresholds): readonly SiteStatus[] {
  const { sites, ownPrefix, stackTokens, tokens = [] } = facts;
  const declared = new Map(sites.map((site) => [site.name, site]));
  const names = new Set([...declared.keys(), ...(stackTokens?.keys() ?? [])]);
  const claimed = new Set<string>();
  const statuses = [...names].map((name) => {
    const found = findToken(name, facts);
    if (found.token !== undefined) {
      claimed.add(found.token.id);
    }
    return siteStatus(name, declared.get(name), found, facts, thresholds);
  });
  const orphans =
    stackTokens === undefined
      ? []
      : tokens.filter(({ id, name }) => name.startsWith(ownPrefix) && !claimed.has(id));
  return [...statuses, ...orphans.map((token) => orphanStatus(token, ownPrefix))].sort(
    (a, b) => rankOf(a) - rankOf(b) || compare(a.site, b.site) || compare(a.tokenId ?? "", b.tokenId ?? ""),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface FoundToken {
  readonly inStack: StackToken | undefined;
  readonly token: AccountToken | undefined;
  /** Tokens of the site's name, where the state cannot say which one is the site's. */
  readonly candidates: number;
}

/** By the state's ID; without a state by name, as long as only one token has it. */
function findToken(name: string, { stackTokens, tokens = [], ownPrefix }: FleetFacts): FoundToken {
  if (stackTokens !== undefined) {
    const inStack = stackTokens.get(name);
    const token = tokens.find(({ id, clientId }) =>
      inStack?.tokenId === undefined ? clientId === inStack?.clientId : id === inStack.tokenId,
    );
    return { inStack, token: inStack === undefined ? undefined : token, candidates: 0 };
  }
  const named = tokens.filter((token) => token.name === ownPrefix + name);
  return {
    inStack: undefined,
    token: named.length === 1 ? named[0] : undefined,
    candidates: named.length,
  };
}

function siteStatus(
  name: string,
  site: Site | undefined,
  found: FoundToken,
  facts: FleetFacts,
  thresholds: Thresholds,
): SiteStatus {
  const { token, inStack } = found;
  const status = { ...factsOf(name, site, found), ...stateOf(site, found, facts) };
  const troubles = [
    ...stateTroubles(status, found, facts),
    ...(token === undefined || site === undefined
      ? []
      : [
          ...accessTroubles(status, token, facts.endpoints, thresholds.now),
          ...timeTroubles(status, thresholds),
          ...stackTroubles(status, inStack),
        ]),
  ];
  const rank = ({ kind }: Trouble) => kindsOfTrouble.indexOf(kind);
  return { ...status, troubles: troubles.sort((a, b) => rank(a) - rank(b)) };
}

function factsOf(name: string, site: Site | undefined, { token, inStack }: Partial<FoundToken>) {
  return {
    site: name,
    declared: site !== undefined,
    enabledInFile: site?.token.enabled,
    enabledAtCloudflare: token?.enabled,
    tokenId: token?.id ?? inStack?.tokenId,
    clientId: token?.clientId ?? inStack?.clientId,
    createdAt: token?.createdAt,
    expiresAt: token?.expiresAt,
    lastSeenAt: token?.lastSeenAt,
    secretVersion: site?.token.secretVersion,
    previousSecretExpiresAt: site?.token.previousSecretExpiresAt,
    signals: site?.signals ?? [],
  };
}

function orphanStatus(token: AccountToken, ownPrefix: string): SiteStatus {
  const site = token.name.slice(ownPrefix.length);
  const says = `its token ${token.id} is known to no file and no state`;
  return {
    ...factsOf(site, undefined, { token }),
    state: "orphan",
    provisioned: undefined,
    troubles: [trouble("warning", "orphan", site, says)],
  };
}

function stateOf(
  site: Site | undefined,
  { inStack, token, candidates }: FoundToken,
  { stackTokens, tokens, allTokensShown }: FleetFacts,
): { readonly state: SiteState; readonly provisioned: boolean | undefined } {
  if (tokens === undefined || (stackTokens === undefined && candidates !== 1)) {
    return {
      state: "unknown",
      provisioned: stackTokens === undefined ? undefined : inStack !== undefined,
    };
  }
  if (token !== undefined) {
    return { state: site === undefined ? "not declared" : "provisioned", provisioned: true };
  }
  if (inStack !== undefined && !allTokensShown) {
    return { state: "unknown", provisioned: undefined };
  }
  return { state: inStack === undefined ? "not provisioned" : "gone", provisioned: false };
}

function stateTroubles(
  { site, state, declared, enabledInFile }: Omit<SiteStatus, "troubles">,
  { candidates }: FoundToken,
  { tokens, stackTokens, elsewhere }: FleetFacts,
): readonly Trouble[] {
  const alarm = (kind: TroubleKind, says: string) => [trouble("alarm", kind, site, says)];
  const warning = (kind: TroubleKind, says: string) => [trouble("warning", kind, site, says)];
  const deleted = "its token was deleted at Cloudflare";
  switch (state) {
    case "not provisioned":
      return warning(state, "has a file and no token");
    case "not declared": {
      const there = elsewhere.find(({ name }) => name === site);
      return there === undefined
        ? warning(state, "has a token and no file")
        : warning("in another shard", `has a token here, and its file is in ${shardText(there.shard)}`);
    }
    case "gone":
      return declared && enabledInFile === true
        ? alarm(state, deleted)
        : warning(state, `${deleted}, and is not in use`);
    case "unknown": {
      const count = candidates === 0 ? "no token" : `${candidates} tokens`;
      return alarm(
        "not readable",
        tokens === undefined
          ? "its token cannot be read"
          : stackTokens !== undefined
            ? "its token is not among those that the API token is shown"
            : `the account has ${count} of its name, and without the stack's state its own cannot be told`,
      );
    }
    default:
      return [];
  }
}

/** Where the state has fallen behind Cloudflare, or never knew. */
function stackTroubles(
  { site, expiresAt, secretVersion = 0 }: Pick<SiteStatus, "site" | "expiresAt" | "secretVersion">,
  inStack: StackToken | undefined,
): readonly Trouble[] {
  const known = inStack?.expiresAt;
  const troubles: Trouble[] = [];
  if (inStack?.secretVersion !== undefined && inStack.secretVersion > secretVersion) {
    const says = `its file is at secretVersion ${secretVersion}, and the stack at ${inStack.secretVersion}: that rotation is not in the file any more`;
    troubles.push(trouble("alarm", "rotation not in its file", site, says));
  }
  // What lasts forever has no expiry to differ in; the state may have the date that Cloudflare shows all the same.
  if (known !== undefined && typeof expiresAt === "string" && seconds(known) !== seconds(expiresAt)) {
    const says = `its token expires on ${expiresAt}, and the stack's state says ${known === "" ? "never" : `on ${known}`}`;
    troubles.push(trouble("warning", "expiry differs", site, says));
  }
  if (inStack?.hasSecret === false) {
    troubles.push(trouble("warning", "secret not known", site, "its secret is not in the stack"));
  }
  return troubles;
}

const seconds = (time: string): number => Math.floor(Date.parse(time) / 1000);
