/** An alarm makes `status` fail: pushes are refused, are about to be, or cannot be told to arrive. */
export type TroubleLevel = "alarm" | "warning";

/** What can be wrong with one site or token: what is said of many at once, and what to do. Worst first. */
export const troubleKinds = {
  gone: {
    ofMany: "their tokens were deleted at Cloudflare, and their pushes are refused",
    advice: () =>
      "Run `pulumi refresh` and `pulumi up`, which makes another token, and hand over the new credentials",
  },
  expired: {
    ofMany: "their tokens have expired, and their pushes are refused",
    advice: (sites) => `Run \`sitepass renew ${sites}\` and \`pulumi up\``,
  },
  "disabled at Cloudflare": {
    ofMany: "their tokens are disabled at Cloudflare and enabled in their files: their pushes are refused",
    advice: () => "Run `pulumi refresh` and `pulumi up`, or set token.enabled to false",
  },
  "not let in": {
    ofMany: "no policy lets their tokens in, and their pushes are refused",
    advice: () => "Run `pulumi refresh` and `pulumi up`",
  },
  "still let in": {
    ofMany: "they are shut out in their files, and can still push",
    advice: () => "Run `pulumi up`",
  },
  "not readable": {
    ofMany: "their tokens cannot be read",
    advice: () => "Mend what keeps it from being read, and look in the dashboard until then",
  },
  expiring: {
    ofMany: "their tokens expire soon",
    advice: (sites) => `Run \`sitepass renew ${sites}\` and \`pulumi up\``,
  },
  stale: {
    ofMany: "they were not seen for too long",
    advice: (sites) => `See that the collector runs, and that \`sitepass verify ${sites}\` passes`,
  },
  "not told when seen": {
    ofMany: "Cloudflare does not say when they were last seen",
    advice: () => "Watch what arrives in its place, and pass --stale off",
  },
  "not provisioned": {
    ofMany: "they have a file and no token",
    advice: () => "Run `pulumi up`",
  },
  "not declared": {
    ofMany: "they have a token and no file",
    advice: () => "Bring the file back, or let `pulumi up` remove the token",
  },
  orphan: {
    ofMany: "their tokens are known to no file and no state",
    advice: () => "Delete what nobody uses in the dashboard: it is valid, and counts against the limit",
  },
  "not disabled": {
    ofMany: "they are shut out in their files, and their tokens are enabled at Cloudflare",
    advice: () => "Run `pulumi refresh` and `pulumi up`",
  },
  "lets in more": {
    ofMany: "policies let them push what their files do not name",
    advice: () => "Run `pulumi refresh` and `pulumi up`",
  },
  "expiry differs": {
    ofMany: "their tokens expire at another time than the stack's state says",
    advice: () => "Run `pulumi refresh`",
  },
  "secret not known": {
    ofMany: "their secrets are not in the stack, as after an adoption",
    advice: (sites) => `Run \`sitepass rotate ${sites}\` and \`pulumi up\``,
  },
} as const satisfies Record<string, TroubleKind>;

interface TroubleKind {
  /** After "7 sites: ". */
  readonly ofMany: string;
  /** @param sites names, as on a command line. */
  readonly advice: (sites: string) => string;
}

export type TroubleKindName = keyof typeof troubleKinds;

/** Something wrong with one site. */
export interface Trouble {
  readonly kind: TroubleKindName;
  readonly level: TroubleLevel;
  /** After the site's name: what is wrong, with the value, without a full stop. */
  readonly says: string;
}

/** As the whole message about one site. */
export function describeTrouble(site: string, { kind, says }: Trouble): string {
  return `${site}: ${says}. ${troubleKinds[kind].advice(site)}.`;
}
