import type { SignalName } from "../../fleet/signals";
import type { Site } from "../../fleet/sites";
import type { AccountToken } from "../../cloudflare/service-tokens";
import { accessTroubles } from "./access-troubles";
import type { Admission } from "./admission";
import { rankOf, type SiteState, type SiteStatus } from "./site-status";
import type { HeldToken } from "./stack-tokens";
import { timeTroubles, type Thresholds } from "./token-troubles";
import { troubleKinds, type Trouble } from "./trouble";

/** What was read of a fleet; undefined is what could not be. */
export interface FleetFacts {
  readonly sites: readonly Site[];
  /** Prefix of the names of this stack's tokens. */
  readonly ownPrefix: string;
  readonly held: ReadonlyMap<string, HeldToken> | undefined;
  readonly tokens: readonly AccountToken[] | undefined;
  readonly admissions: ReadonlyMap<SignalName, Admission>;
}

/** Every site that a file or the state knows, and every token that neither does, worst first and then by name. */
export function fleetStatus(facts: FleetFacts, thresholds: Thresholds): readonly SiteStatus[] {
  const declared = new Map(facts.sites.map((site) => [site.name, site]));
  const names = new Set([...declared.keys(), ...(facts.held?.keys() ?? [])]);
  const claimed = new Set<string>();
  const statuses = [...names].map((name) => {
    const found = findToken(name, facts);
    if (found.token !== undefined) {
      claimed.add(found.token.id);
    }
    return siteStatus(name, declared.get(name), found, facts, thresholds);
  });
  const orphans =
    facts.held === undefined
      ? []
      : (facts.tokens ?? []).filter(({ id, name }) => name.startsWith(facts.ownPrefix) && !claimed.has(id));
  return [...statuses, ...orphans.map((token) => orphanStatus(token, facts.ownPrefix))].sort(
    (a, b) => rankOf(a) - rankOf(b) || compare(a.site, b.site) || compare(a.tokenId ?? "", b.tokenId ?? ""),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface FoundToken {
  readonly held: HeldToken | undefined;
  readonly token: AccountToken | undefined;
  /** Tokens of the site's name, where the state cannot say which one is the site's. */
  readonly candidates: number;
}

/** By the state's ID; without a state by name, which only a single token of it can be told by. */
function findToken(name: string, { held: all, tokens = [], ownPrefix }: FleetFacts): FoundToken {
  if (all !== undefined) {
    const held = all.get(name);
    const token = tokens.find(({ id, clientId }) =>
      held?.tokenId === undefined ? clientId === held?.clientId : id === held.tokenId,
    );
    return { held, token: held === undefined ? undefined : token, candidates: 0 };
  }
  const named = tokens.filter((token) => token.name === ownPrefix + name);
  return { held: undefined, token: named.length === 1 ? named[0] : undefined, candidates: named.length };
}

function siteStatus(
  name: string,
  site: Site | undefined,
  found: FoundToken,
  facts: FleetFacts,
  thresholds: Thresholds,
): SiteStatus {
  const { token, held } = found;
  const status = {
    site: name,
    ...stateOf(site, found, facts),
    declared: site !== undefined,
    enabledInFile: site?.token.enabled,
    ...tokenFields(token),
    tokenId: token?.id ?? held?.tokenId,
    clientId: token?.clientId ?? held?.clientId,
    secretVersion: site?.token.secretVersion,
    previousSecretExpiresAt: site?.token.previousSecretExpiresAt,
    signals: site?.signals ?? [],
  };
  const troubles = [
    ...stateTroubles(status, found, facts),
    ...(token === undefined || site === undefined
      ? []
      : [
          ...accessTroubles(status, token, facts.admissions),
          ...timeTroubles(status, thresholds),
          ...heldTroubles(status, held),
        ]),
  ];
  return { ...status, troubles: worstFirst(troubles) };
}

function stateOf(
  site: Site | undefined,
  { held, token, candidates }: FoundToken,
  { held: all, tokens }: FleetFacts,
): { readonly state: SiteState; readonly provisioned: boolean | undefined } {
  if (tokens === undefined || (all === undefined && candidates !== 1)) {
    return { state: "unknown", provisioned: all === undefined ? undefined : held !== undefined };
  }
  if (token !== undefined) {
    return { state: site === undefined ? "not declared" : "provisioned", provisioned: true };
  }
  return { state: held === undefined ? "not provisioned" : "gone", provisioned: false };
}

function tokenFields(token: AccountToken | undefined) {
  return {
    enabledAtCloudflare: token?.enabled,
    createdAt: token?.createdAt,
    // A token that lasts for ever has no expiry, however Cloudflare shows that.
    expiresAt: token?.duration === "forever" ? null : token?.expiresAt,
    lastSeenAt: token?.lastSeenAt,
  };
}

function stateTroubles(
  { state, declared, enabledInFile }: Pick<SiteStatus, "state" | "declared" | "enabledInFile">,
  found: FoundToken,
  facts: FleetFacts,
): readonly Trouble[] {
  switch (state) {
    case "not provisioned":
      return [{ kind: "not provisioned", level: "warning", says: "has a file and no token" }];
    case "not declared":
      return [{ kind: "not declared", level: "warning", says: "has a token and no file" }];
    case "gone":
      return declared && enabledInFile === true
        ? [{ kind: "gone", level: "alarm", says: "its token was deleted at Cloudflare" }]
        : [
            {
              kind: "gone",
              level: "warning",
              says: "its token was deleted at Cloudflare, and is not in use",
            },
          ];
    case "unknown":
      return [{ kind: "not readable", level: "alarm", says: unreadable(found, facts) }];
    default:
      return [];
  }
}

function unreadable({ candidates }: FoundToken, { tokens }: FleetFacts): string {
  if (tokens === undefined) {
    return "its token cannot be read";
  }
  const count = candidates === 0 ? "no token" : `${candidates} tokens`;
  return `the account has ${count} of its name, and without the stack's state its own cannot be told`;
}

/** Where the state has fallen behind Cloudflare, or never knew. */
function heldTroubles({ expiresAt }: Pick<SiteStatus, "expiresAt">, held: HeldToken | undefined): Trouble[] {
  const heldExpiry = held?.expiresAt === "" ? null : held?.expiresAt;
  const differs =
    heldExpiry !== undefined && expiresAt !== undefined && seconds(heldExpiry) !== seconds(expiresAt);
  return [
    ...(differs
      ? [
          {
            kind: "expiry differs",
            level: "warning",
            says: `its token expires ${describeExpiry(expiresAt)}, and the stack's state says ${describeExpiry(heldExpiry)}`,
          } as const,
        ]
      : []),
    ...(held?.hasSecret === false
      ? [{ kind: "secret not known", level: "warning", says: "its secret is not in the stack" } as const]
      : []),
  ];
}

const seconds = (time: string | null): number | null =>
  time === null ? null : Math.floor(Date.parse(time) / 1000);

const describeExpiry = (time: string | null): string => (time === null ? "never" : `on ${time}`);

function orphanStatus(token: AccountToken, ownPrefix: string): SiteStatus {
  return {
    site: token.name.slice(ownPrefix.length),
    state: "orphan",
    declared: false,
    provisioned: undefined,
    enabledInFile: undefined,
    ...tokenFields(token),
    tokenId: token.id,
    clientId: token.clientId,
    secretVersion: undefined,
    previousSecretExpiresAt: undefined,
    signals: [],
    troubles: [
      {
        kind: "orphan",
        level: "warning",
        says: `its token ${token.id} is known to no file and no state`,
      },
    ],
  };
}

const kindOrder = Object.keys(troubleKinds);

function worstFirst(troubles: readonly Trouble[]): readonly Trouble[] {
  return [...troubles].sort((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind));
}
