import { parseConfig, type Config } from "./config";
import { shardText } from "./names";
import { problemsOf, throwIfAny, UserError, type Problem } from "./problem";
import { signalNames, type SignalName } from "./signals";
import { readSiteFiles, type NamedSiteFile } from "./site-files";
import type { SiteFile } from "./site-schema";
import { plural, someOf } from "./wording";

/** Everything that a user declares: the stack's configuration and the sites, checked together. */
export interface Fleet {
  readonly config: Config;
  /** Those of the stack's shard, and those that are moving there. */
  readonly sites: readonly Site[];
  /** The others in `sites/`, of which this stack declares nothing. */
  readonly elsewhere: readonly SiteElsewhere[];
}

/**
 * Checks configuration and site files.
 *
 * @param raw the stack's whole configuration, full keys.
 * @param sitesDirectory absolute path of `sites/`.
 * @param emptyFleet "allowed" where nothing is taken away from an empty `sites/`.
 * @param overfull "allowed" where it is looked for a place for sites that are more than the account may have tokens.
 * @throws UserError with every problem in both, so that one run shows them all.
 */
export function readFleet(
  raw: Readonly<Record<string, string>>,
  sitesDirectory: string,
  emptyFleet: "refused" | "allowed" = "refused",
  overfull: "refused" | "allowed" = "refused",
): Fleet {
  const config = parseConfig(raw);
  const files = readSiteFiles(sitesDirectory);
  if (!config.ok || !files.ok) {
    throw new UserError([...problemsOf(config), ...problemsOf(files)]);
  }
  const all = resolveSites(files.value, config.value);
  const sites = all.filter((site) => isInShard(site, config.value.shard));
  const elsewhere = all.filter((site) => !isInShard(site, config.value.shard));
  throwIfAny(
    sites.length === 0 && emptyFleet === "allowed"
      ? []
      : siteProblems(
          sites,
          overfull === "allowed" ? { ...config.value, serviceTokenLimit: sites.length } : config.value,
          elsewhere,
        ),
  );
  return { config: config.value, sites, elsewhere };
}

/** Where a site is, for stacks that declare nothing of it: their defaults are not those that it is declared with. */
export type SiteElsewhere = Pick<Site, "name" | "file" | "shard" | "movingTo">;

/** Whether a stack of this shard declares the site. */
export const isInShard = ({ shard, movingTo }: Pick<Site, "shard" | "movingTo">, of: string): boolean =>
  shard === of || movingTo === of;

/** A site with the stack's defaults filled in. */
export interface Site {
  /** The file's name without its extension: the site's identity, and the logical name of its service token. */
  readonly name: string;
  readonly file: string;
  readonly description: string | undefined;
  /** In the order of the signal table; never empty. */
  readonly signals: readonly SignalName[];
  readonly labels: Readonly<Record<string, string>>;
  /** Address of the HTTP proxy through which the site pushes, such as `http://proxy.example.net:3128`. */
  readonly proxy?: string;
  readonly token: {
    /** A Go duration or `forever`. */
    readonly duration: string;
    readonly enabled: boolean;
    readonly secretVersion: number;
    /** RFC 3339; set exactly when secretVersion is above 1. */
    readonly previousSecretExpiresAt: string | undefined;
  };
  readonly collector: SiteFile["collector"];
  /** What the collector pushes through, on the site's own machine; undefined where it pushes by itself. */
  readonly relay?: NonNullable<SiteFile["relay"]>;
  /** The shard that the site is in; empty for the one without a name. */
  readonly shard: string;
  /** The shard that it is moving to, where it is declared as well meanwhile. */
  readonly movingTo?: string;
}

/** Cloudflare evaluates at most 1,000 rules an application (docs/facts/cloudflare.md, C38); each admitted site is one. */
const mostSitesPerApplication = 1000;

/** Loki, limits_config.max_label_names_per_series; `service_name` does not count (docs/facts/edge.md, E61). */
const mostLabelsPerStream = 15;

/** `job`, and `unit` or `filename`, which rendered inputs and a site's own add to lines. */
const labelsOfInputs = 2;

/** Fills in the stack's defaults. */
export function resolveSites(files: readonly NamedSiteFile[], config: Config): readonly Site[] {
  const configured = config.endpoints.map(({ signal }) => signal);
  return files.map(
    ({
      name,
      file,
      values: { description, signals, labels, proxy, token, collector, relay, shard, movingTo },
    }) => ({
      name,
      file,
      description,
      signals: signalNames.filter((signal) => (signals ?? configured).includes(signal)),
      labels,
      ...(proxy === undefined ? {} : { proxy }),
      token: {
        duration: token.duration ?? config.tokenDuration,
        enabled: token.enabled,
        secretVersion: token.secretVersion,
        previousSecretExpiresAt: token.previousSecretExpiresAt,
      },
      collector,
      ...(relay === undefined ? {} : { relay }),
      shard: shard ?? "",
      ...(movingTo === undefined ? {} : { movingTo }),
    }),
  );
}

/** Everything that is wrong with the sites in the light of the configuration. */
export function siteProblems(
  sites: readonly Site[],
  config: Config,
  elsewhere: readonly SiteElsewhere[] = [],
): Problem[] {
  const { allowRemovals, endpoints, serviceTokenLimit, shard, siteLabel } = config;
  const ofShard = shard === "" && elsewhere.length === 0 ? "" : ` of ${shardText(shard)}`;
  const problems: Problem[] = [];
  const add = (subject: string, says: string, todo: string) => {
    problems.push({ subject, says, todo });
  };
  if (sites.length === 0 && allowRemovals === 0) {
    // More often a wrong checkout than a wish to delete a fleet, and deleted tokens cannot be brought back.
    problems.push(elsewhere.length === 0 ? emptyFolder : emptyShard(shard, elsewhere));
  }
  for (const { file, labels, signals } of sites) {
    for (const name of signals.filter((one) => endpoints.every(({ signal }) => signal !== one))) {
      add(
        file,
        `signals names ${name}, which has no endpoint`,
        `Add sitepass:endpoints.${name} to the stack, or drop ${name} here`,
      );
    }
    if (Object.hasOwn(labels, siteLabel)) {
      add(
        file,
        `labels.${siteLabel} is "${labels[siteLabel]}", but this label carries the site's name`,
        "Drop it, or set sitepass:siteLabel to another name",
      );
    }
    const given = Object.keys(labels).length;
    const left = mostLabelsPerStream - labelsOfInputs - 1;
    if (signals.includes("logs") && given > left) {
      add(
        file,
        `labels holds ${plural(given, "label")}, and Loki refuses lines with more than ${mostLabelsPerStream}, of which ${left} are left beside ${siteLabel} and ${labelsOfInputs} of the inputs`,
        `Drop ${given - left} of them`,
      );
    }
  }
  if (sites.length > serviceTokenLimit) {
    add(
      "sites/",
      `holds ${plural(sites.length, "site")}${ofShard}, and the account may have ${plural(serviceTokenLimit, "service token")}`,
      waysOutOfTheLimit,
    );
  }
  for (const { signal } of endpoints) {
    const admitted = sites.filter(({ signals, token }) => token.enabled && signals.includes(signal)).length;
    if (admitted > mostSitesPerApplication) {
      add(
        "sites/",
        `${admitted} sites${ofShard} push ${signal}, and Cloudflare evaluates at most ${mostSitesPerApplication} rules an application`,
        "Put some of them into another shard, a stack with host names of its own (docs/scale.md)",
      );
    }
  }
  return problems;
}

const emptyFolder: Problem = {
  subject: "sites/",
  says: "holds no site, and with no site every service token would be deleted",
  todo: "Add a file such as sites/tokyo.yaml (it may be empty), or set sitepass:allowRemovals to the number of sites that are to go",
};

/** As loud as an empty folder: a shard that was mistyped in the stack's file takes as much away. */
function emptyShard(shard: string, elsewhere: readonly SiteElsewhere[]): Problem {
  const others = [...new Set(elsewhere.map((site) => site.shard))].sort().map(shardText);
  const files = `the ${elsewhere.length === 1 ? "one site there is" : `${elsewhere.length} sites there are`} in ${someOf(others)}`;
  const mark = shard === "" ? "take shard out of" : `write shard: ${shard} into`;
  return {
    subject: "sites/",
    says: `holds no site of ${shardText(shard)}, which this stack is (${files}), and with no site every service token of the stack would be deleted`,
    todo: `Set sitepass:shard to the shard that the stack is, or ${mark} the files of its sites, or set sitepass:allowRemovals to the number of sites that are to go`,
  };
}

/** What a person can do when service tokens run out, cheapest first. */
export const waysOutOfTheLimit =
  "Delete tokens that nobody uses, have Cloudflare raise the limit (Enterprise) and set sitepass:serviceTokenLimit to it, or put the other sites into another shard, a stack on a second account (docs/scale.md)";
