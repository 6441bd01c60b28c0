import { Document } from "yaml";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { Config } from "../../fleet/config";
import { parseGoDuration } from "../../fleet/duration";
import { orThrow } from "../../fleet/problem";
import { parseSite } from "../../fleet/site-files";
import { resolveSites, siteProblems, type Site } from "../../fleet/sites";
import { changed, declaredToken, planMessages, type Adoption, type PlanInProgress } from "./adoption-plan";
import type { SiteToken } from "./choose-sites";
import type { PushRights } from "./policies";

/** A site as it is to be, with the token that it has today. */
export interface AdoptedSite extends Omit<SiteToken, "name"> {
  readonly site: Site;
  /** The file to be written, named as people name it, such as `sites/tokyo.yaml`; undefined where there is one. */
  readonly newFile: { readonly file: string; readonly text: string } | undefined;
}

/**
 * Plans a file for every site that has none, and what `up` changes on every token that is new to the stack.
 *
 * @returns the sites of the tokens, and all sites that have a file when the new ones are written.
 */
export function planSiteFiles(
  tokens: readonly SiteToken[],
  rights: readonly PushRights[],
  plan: PlanInProgress,
) {
  const signalsOf = ({ id }: AccountToken) =>
    rights.filter(({ letsIn }) => letsIn(id)).map(({ signal }) => signal);
  const sites = tokens.map((one) => adoptedSite(one, signalsOf(one.token), plan));
  const added = sites.filter(({ newFile }) => newFile !== undefined).map(({ site }) => site);
  const fleet: readonly Site[] = [...plan.sites, ...added];
  plan.refusals.push(...(fleet.length === 0 ? [] : siteProblems(fleet, plan.config)));
  for (const one of sites.filter(({ known }) => !known)) {
    plan.adoptions.push(adoptionOf(one, plan));
    if (one.newFile === undefined) {
      findLosses(one, signalsOf(one.token), plan);
    }
    noteDifferences(one, signalsOf(one.token), plan);
  }
  return { sites, fleet };
}

function adoptedSite(
  { name, token, known }: SiteToken,
  signals: Site["signals"],
  { config, ownPrefix, rotateUntil, sites }: PlanInProgress,
): AdoptedSite {
  const found = sites.find((site) => site.name === name);
  if (found !== undefined || known) {
    return { site: found ?? readAs(name, "", config), token, known, newFile: undefined };
  }
  const text = siteFileText({
    shard: config.shard === "" ? undefined : config.shard,
    description: [name, ownPrefix + name].includes(token.name) ? undefined : token.name,
    signals: signals.length === 0 || signals.length === config.endpoints.length ? undefined : signals,
    duration: token.duration === config.tokenDuration ? undefined : token.duration,
    enabled: token.enabled ?? true,
    previousSecretExpiresAt: rotateUntil,
  });
  const site = readAs(name, text, config);
  return { site, token, known, newFile: { file: site.file, text } };
}

/** A site as the program would read it from this text. */
function readAs(name: string, text: string, config: Config): Site {
  const file = `sites/${name}.yaml`;
  const [site] = resolveSites([{ name, file, values: orThrow(parseSite(text, file)) }], config);
  if (site === undefined) {
    throw new Error(`no site came of the file made for ${name}`);
  }
  return site;
}

function adoptionOf({ site, token }: AdoptedSite, { config, ownPrefix }: PlanInProgress): Adoption {
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

/** What the file that a site has already takes away from its token. */
function findLosses({ site, token }: AdoptedSite, today: Site["signals"], plan: PlanInProgress): void {
  const { lose } = planMessages(site.file, plan);
  const lost = today.filter((signal) => !site.signals.includes(signal));
  if (lost.length > 0) {
    lose(
      `leaves out ${lost.join(" and ")}, which the site's token "${token.name}" may push today`,
      "Add it to signals",
    );
  }
  if (!site.token.enabled && token.enabled !== false) {
    lose(`token.enabled is false, and the site's token "${token.name}" is in use`, "Take the key out");
  }
}

function noteDifferences(
  { site, token, newFile }: AdoptedSite,
  today: Site["signals"],
  plan: PlanInProgress,
): void {
  const { now, rotateUntil } = plan;
  const { note } = planMessages(`service token "${token.name}"`, plan);
  const gained = site.signals.filter((signal) => !today.includes(signal));
  const { expiresAt, duration } = token;
  if (gained.length > 0) {
    note(
      `may not push ${gained.join(" and ")} today, and site ${site.name} may after \`up\`. Narrow signals in ${site.file} if that is not meant.`,
    );
  }
  if (typeof expiresAt === "string" && Date.parse(expiresAt) <= now.getTime()) {
    note(
      `has expired (${expiresAt}), and adopting does not renew it. Run \`npx sitepass renew ${site.name}\` afterwards.`,
    );
  }
  if (token.enabled === false) {
    note(`is disabled in the dashboard, and site ${site.name} stays shut out.`);
  }
  if (duration !== undefined && !isSameDuration(duration, site.token.duration)) {
    note(`lasts ${duration}, and ${site.file} says ${site.token.duration}, so \`up\` counts its time anew.`);
  }
  if (rotateUntil !== undefined && newFile === undefined) {
    planMessages(site.file, plan).note(
      `exists already and is left as it is, so its token is not rotated. Run \`npx sitepass rotate ${site.name}\`.`,
    );
  }
}

const isSameDuration = (one: string, other: string): boolean =>
  one === other || (parseGoDuration(one) ?? NaN) === parseGoDuration(other);

const longestDescription = 200;

/**
 * The text of a new site file. What is undefined is left to its default.
 *
 * @param values `description` is the token's name, for people to find it again; `previousSecretExpiresAt` is set when the
 *   next `up` is to make a new secret.
 */
export function siteFileText(values: {
  readonly shard: string | undefined;
  readonly description: string | undefined;
  readonly signals: Site["signals"] | undefined;
  readonly duration: string | undefined;
  readonly enabled: boolean;
  readonly previousSecretExpiresAt: string | undefined;
}): string {
  const { shard, description, signals, duration, enabled, previousSecretExpiresAt } = values;
  const token = {
    ...(duration === undefined ? {} : { duration }),
    ...(enabled ? {} : { enabled }),
    ...(previousSecretExpiresAt === undefined ? {} : { secretVersion: 2, previousSecretExpiresAt }),
  };
  const document = new Document({});
  if (description !== undefined) {
    // Never ends with half a character.
    document.set("description", description.slice(0, longestDescription).replace(/[\uD800-\uDBFF]$/, ""));
  }
  if (shard !== undefined) {
    document.set("shard", shard);
  }
  if (signals !== undefined) {
    document.set("signals", document.createNode(signals, { flow: true }));
  }
  if (Object.keys(token).length > 0) {
    document.set("token", token);
  }
  const schema = "# yaml-language-server: $schema=../site.schema.json\n";
  const yaml = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  return yaml === "{}\n" ? schema : schema + yaml;
}
