import { parseConfig, type Config } from "./config";
import { problemsOf, UserError, type Problem } from "./problem";
import { signalNames, type SignalName } from "./signals";
import { readSiteFiles, type NamedSiteFile } from "./site-files";
import type { SiteFile } from "./site-schema";
import { plural } from "./wording";

/** Everything that a user declares: the stack's configuration and the sites, checked together. */
export interface Fleet {
  readonly config: Config;
  readonly sites: readonly Site[];
}

/**
 * Checks configuration and site files.
 *
 * @param raw the stack's whole configuration, full keys.
 * @param sitesDirectory absolute path of `sites/`.
 * @param emptyFleet "allowed" where nothing is taken away from an empty `sites/`; see emptyFleetProblems.
 * @throws UserError with every problem in both, so that one run shows them all.
 */
export function readFleet(
  raw: Readonly<Record<string, string>>,
  sitesDirectory: string,
  emptyFleet: "refused" | "allowed" = "refused",
): Fleet {
  const config = parseConfig(raw);
  const files = readSiteFiles(sitesDirectory);
  if (!config.ok || !files.ok) {
    throw new UserError([...problemsOf(config), ...problemsOf(files)]);
  }
  const sites = resolveSites(files.value, config.value);
  const problems = sites.length === 0 && emptyFleet === "allowed" ? [] : siteProblems(sites, config.value);
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return { config: config.value, sites };
}

/** A site with the stack's defaults filled in. */
export interface Site {
  /** The file's name without its extension: the site's identity, and the logical name of its service token. */
  readonly name: string;
  readonly file: string;
  readonly description: string | undefined;
  /** In the order of the signal table; never empty. */
  readonly signals: readonly SignalName[];
  readonly labels: Readonly<Record<string, string>>;
  readonly token: {
    /** A Go duration or `forever`. */
    readonly duration: string;
    readonly enabled: boolean;
    readonly secretVersion: number;
    /** RFC 3339; set exactly when secretVersion is above 1. */
    readonly previousSecretExpiresAt: string | undefined;
  };
  readonly collector: SiteFile["collector"];
}

/** Cloudflare evaluates at most 1,000 rules an application (docs/facts/cloudflare.md, C38); each admitted site is one. */
const mostSitesPerApplication = 1000;

/** Fills in the stack's defaults. */
export function resolveSites(files: readonly NamedSiteFile[], config: Config): readonly Site[] {
  const configured = config.endpoints.map(({ signal }) => signal);
  return files.map(({ name, file, values }) => ({
    name,
    file,
    description: values.description,
    signals: signalNames.filter((signal) => (values.signals ?? configured).includes(signal)),
    labels: values.labels,
    token: {
      duration: values.token.duration ?? config.tokenDuration,
      enabled: values.token.enabled,
      secretVersion: values.token.secretVersion,
      previousSecretExpiresAt: values.token.previousSecretExpiresAt,
    },
    collector: values.collector,
  }));
}

/** Everything that is wrong with the sites in the light of the configuration. */
export function siteProblems(sites: readonly Site[], config: Config): Problem[] {
  return [
    ...emptyFleetProblems(sites, config),
    ...sites.flatMap((site) => oneSiteProblems(site, config)),
    ...fleetProblems(sites, config),
  ];
}

/**
 * An empty folder is more often a wrong checkout than a wish to delete a fleet, and deleted tokens cannot be brought
 * back. So it counts as a removal and needs to be allowed like one.
 */
function emptyFleetProblems(sites: readonly Site[], config: Config): Problem[] {
  return sites.length > 0 || config.allowRemovals > 0
    ? []
    : [
        {
          subject: "sites/",
          says: "holds no site, and with no site every service token would be deleted",
          todo: "Add a file such as sites/tokyo.yaml (it may be empty), or set sitepass:allowRemovals to the number of sites that are to go",
        },
      ];
}

function oneSiteProblems(site: Site, { endpoints, siteLabel }: Config): Problem[] {
  const configured = endpoints.map(({ signal }) => signal);
  const missing = site.signals.filter((signal) => !configured.includes(signal));
  return [
    ...missing.map((signal) => ({
      subject: site.file,
      says: `signals names ${signal}, which has no endpoint`,
      todo: `Add sitepass:endpoints.${signal} to the stack, or drop ${signal} here`,
    })),
    ...(Object.hasOwn(site.labels, siteLabel)
      ? [
          {
            subject: site.file,
            says: `labels.${siteLabel} is "${site.labels[siteLabel]}", but this label carries the site's name`,
            todo: "Drop it, or set sitepass:siteLabel to another name",
          },
        ]
      : []),
  ];
}

function fleetProblems(sites: readonly Site[], config: Config): Problem[] {
  const crowded = config.endpoints.flatMap(({ signal }) => {
    const admitted = sites.filter((site) => site.token.enabled && site.signals.includes(signal)).length;
    return admitted <= mostSitesPerApplication
      ? []
      : [
          {
            subject: "sites/",
            says: `${admitted} sites push ${signal}, and Cloudflare evaluates at most ${mostSitesPerApplication} rules an application`,
            todo: "Split the fleet into two stacks with host names of their own",
          },
        ];
  });
  return sites.length <= config.serviceTokenLimit
    ? crowded
    : [
        {
          subject: "sites/",
          says: `holds ${plural(sites.length, "site")}, and the account may have ${plural(config.serviceTokenLimit, "service token")}`,
          todo: waysOutOfTheLimit,
        },
        ...crowded,
      ];
}

/** What a person can do when service tokens run out, cheapest first. */
export const waysOutOfTheLimit =
  "Delete tokens that nobody uses, have Cloudflare raise the limit (Enterprise) and set sitepass:serviceTokenLimit to it, or put the other sites into a stack on a second account";
