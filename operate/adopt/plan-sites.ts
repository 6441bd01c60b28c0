import { orThrow, problemText } from "../../fleet/problem";
import type { Config } from "../../fleet/config";
import { parseGoDuration } from "../../fleet/duration";
import { parseSite } from "../../fleet/site-files";
import { resolveSites, siteProblems, type Site } from "../../fleet/sites";
import type { SignalName } from "../../fleet/signals";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { Admission } from "./admissions";
import { declaredToken } from "./declared";
import type { SiteToken } from "./name-sites";
import { changed, nothing, type Adoption, type Part } from "./part";
import { siteFileText } from "./site-file-text";

/** A file to be written for a site that has none. */
export interface NewSiteFile {
  readonly site: string;
  /** As people name it, such as `sites/tokyo.yaml`. */
  readonly file: string;
  readonly text: string;
}

/** One site as it is to be, with the token that it has today. */
export interface PlannedSite {
  readonly site: Site;
  readonly token: AccountToken;
  /** Whether the stack has the token already. */
  readonly known: boolean;
  readonly newFile: NewSiteFile | undefined;
}

export interface SitesPlan {
  readonly sites: readonly PlannedSite[];
  readonly part: Part;
}

/** What the plan of sites rests on. */
export interface SitesContext {
  readonly config: Config;
  readonly ownPrefix: string;
  /** Those that have a file. */
  readonly existing: readonly Site[];
  readonly admissions: readonly Admission[];
  /** Until when today's secrets keep working; undefined: no new ones are made. */
  readonly rotateUntil: string | undefined;
  readonly now: Date;
}

/** Plans a site file for every token whose site has none, and what `up` will change on every token that is new to the stack. */
export function planSites(tokens: readonly SiteToken[], context: SitesContext): SitesPlan {
  const sites = tokens.map((token) => planSite(token, context));
  const fresh = sites.filter(({ known }) => !known);
  const fleet = [
    ...context.existing,
    ...fresh.filter(({ newFile }) => newFile !== undefined).map(({ site }) => site),
  ];
  const adoptions = fresh.map((planned) => adoptionOf(planned, context));
  return {
    sites,
    part: {
      ...nothing,
      adoptions,
      refusals: fleet.length === 0 ? [] : siteProblems(fleet, context.config).map(problemText),
      losses: fresh.flatMap((planned) => lossesOf(planned, context)),
      notes: fresh.flatMap((planned) => notesOn(planned, context)),
    },
  };
}

function planSite({ site: name, token, known }: SiteToken, context: SitesContext): PlannedSite {
  const found = context.existing.find((site) => site.name === name);
  if (found !== undefined || known) {
    return { site: found ?? resolved(name, "", context.config), token, known, newFile: undefined };
  }
  const { config, admissions, rotateUntil } = context;
  const signals = signalsOf(token, admissions);
  const text = siteFileText({
    description: token.name === name || token.name === context.ownPrefix + name ? undefined : token.name,
    signals: signals.length === 0 || signals.length === config.endpoints.length ? undefined : signals,
    duration: token.duration === config.tokenDuration ? undefined : token.duration,
    enabled: token.enabled ?? true,
    previousSecretExpiresAt: rotateUntil,
  });
  return {
    site: resolved(name, text, config),
    token,
    known,
    newFile: { site: name, file: `sites/${name}.yaml`, text },
  };
}

/** A site as the program would read it from this text. */
function resolved(name: string, text: string, config: Config): Site {
  const file = `sites/${name}.yaml`;
  const [site] = resolveSites([{ name, file, values: orThrow(parseSite(text, file)) }], config);
  if (site === undefined) {
    throw new Error(`no site came of the file made for ${name}`);
  }
  return site;
}

/** What a token may push today. */
function signalsOf({ id }: AccountToken, admissions: readonly Admission[]): readonly SignalName[] {
  return admissions
    .filter(({ tokenIds, anyToken }) => anyToken || tokenIds.has(id))
    .map(({ signal }) => signal);
}

function adoptionOf({ site, token }: PlannedSite, { config, ownPrefix }: SitesContext): Adoption {
  const { duration, enabled, secretVersion, previousSecretExpiresAt } = site.token;
  return {
    becomes: declaredToken(site.name),
    importId: `accounts/${config.accountId}/${token.id}`,
    object: `service token "${token.name}"`,
    changes: [
      ...changed("name", token.name, ownPrefix + site.name),
      ...changed("duration", token.duration, duration),
      ...changed("enabled", token.enabled ?? true, enabled),
      // No answer of Cloudflare's has the version, so that the provider plans it anew even where nothing changes.
      ...changed("clientSecretVersion", undefined, secretVersion),
      ...changed("previousClientSecretExpiresAt", undefined, previousSecretExpiresAt),
    ],
  };
}

function lossesOf({ site, token, newFile }: PlannedSite, { admissions }: SitesContext): readonly string[] {
  if (newFile !== undefined) {
    return [];
  }
  const today = signalsOf(token, admissions);
  const lost = today.filter((signal) => !site.signals.includes(signal));
  return [
    ...(lost.length === 0
      ? []
      : [
          `${site.file}: leaves out ${lost.join(" and ")}, which the site's token "${token.name}" may push today. Add it to signals.`,
        ]),
    ...(site.token.enabled || token.enabled === false
      ? []
      : [
          `${site.file}: token.enabled is false, and the site's token "${token.name}" is in use. Take the key out.`,
        ]),
  ];
}

function notesOn(
  { site, token, newFile }: PlannedSite,
  { admissions, now, rotateUntil }: SitesContext,
): readonly string[] {
  const subject = `service token "${token.name}"`;
  const today = signalsOf(token, admissions);
  const gained = site.signals.filter((signal) => !today.includes(signal));
  const { expiresAt } = token;
  return [
    ...(gained.length === 0
      ? []
      : [
          `${subject}: may not push ${gained.join(" and ")} today, and site ${site.name} may after \`up\`. Narrow signals in ${site.file} if that is not meant.`,
        ]),
    ...(typeof expiresAt === "string" && Date.parse(expiresAt) <= now.getTime()
      ? [
          `${subject}: has expired (${expiresAt}), and adopting does not renew it. Run \`sitepass renew ${site.name}\` afterwards.`,
        ]
      : []),
    ...(token.enabled === false
      ? [`${subject}: is disabled in the dashboard, and site ${site.name} stays shut out.`]
      : []),
    ...(token.duration === undefined || sameDuration(token.duration, site.token.duration)
      ? []
      : [
          `${subject}: lasts ${token.duration}, and ${site.file} says ${site.token.duration}, so \`up\` counts its time anew.`,
        ]),
    ...(rotateUntil === undefined || newFile !== undefined
      ? []
      : [
          `${site.file}: exists already and is left as it is, so its token is not rotated. Run \`sitepass rotate ${site.name}\`.`,
        ]),
  ];
}

const sameDuration = (one: string, other: string): boolean =>
  one === other || (parseGoDuration(one) ?? NaN) === parseGoDuration(other);
