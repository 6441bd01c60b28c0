import type {
  Collector,
  CollectorRelease,
  CollectorSite,
  Credentials,
  Placement,
  RenderedFile,
} from "../collectors/collector";
import { relayEndpoint, relayRefusals, type RelayName } from "../collectors/relay/relay";
import { relays } from "../collectors/relay/relays";
import { installScript, type InstalledService } from "../collectors/site-folder/install-script";
import { siteReadme } from "../collectors/site-folder/site-readme";
import type { Config, Endpoint } from "../fleet/config";
import { tenantOf } from "../fleet/names";
import { failure, success, type Problem, type Result } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { sortRenderedFiles } from "./rendered-layout";

/** What a person asked for. */
export interface RenderChoice {
  readonly collector: Collector;
  readonly release: CollectorRelease;
  /** Undefined: the collector talks to the public hosts itself. */
  readonly relay: { readonly name: RelayName; readonly port: number } | undefined;
  /** Absolute path of the folder that the files are installed to at the site. */
  readonly installDirectory: string;
}

/** What is to be written for one site. */
export interface SitePlan {
  readonly site: string;
  /** What the collector cannot do, each with the way out. */
  readonly notes: readonly string[];
  readonly files: readonly RenderedFile[];
  /** What runs at the site, in the order in which it is started. */
  readonly services: readonly InstalledService[];
}

/** Plans the files of one site; the same input gives the same bytes. */
export function planSite(
  site: Site,
  config: Pick<Config, "endpoints" | "siteLabel" | "tenant">,
  credentials: Credentials,
  { collector, release, relay: wanted, installDirectory: directory }: RenderChoice,
): Result<SitePlan> {
  const bySignal = <T>(make: (endpoint: Endpoint) => T): Partial<Record<Endpoint["signal"], T>> =>
    Object.fromEntries(
      config.endpoints
        .filter(({ signal }) => site.signals.includes(signal))
        .map((endpoint) => [endpoint.signal, make(endpoint)]),
    );
  const tenant = tenantOf(config.tenant, site.name);
  const publicBase = ({ hostname }: Endpoint): string => `https://${hostname}`;
  const relay = wanted && {
    ...relays[wanted.name],
    input: {
      endpoints: bySignal((endpoint) => ({ ...endpoint, base: publicBase(endpoint) })),
      credentials,
      tenant,
      directory,
      port: wanted.port,
      ...(site.proxy === undefined ? {} : { proxy: site.proxy }),
    },
  };
  const placement: Placement = { directory, credentials: relay === undefined ? credentials : undefined };
  const target: CollectorSite = {
    name: site.name,
    siteLabel: config.siteLabel,
    labels: site.labels,
    // Behind the relay the way out is the relay's.
    ...(site.proxy === undefined || wanted !== undefined ? {} : { proxy: site.proxy }),
    tenant,
    endpoints: bySignal((endpoint) =>
      wanted === undefined
        ? { base: publicBase(endpoint), paths: endpoint.paths }
        : relayEndpoint(wanted.port, endpoint.signal, endpoint.paths),
    ),
  };
  const problems = [
    ...signalProblems(site, collector),
    ...[
      ...collector.refusals(target, placement, release),
      ...(relay === undefined ? [] : [...relayRefusals(relay.input), ...relay.refusals(relay.input)]),
    ].map((refusal) => aboutSite(site, refusal)),
  ];
  if (problems.length > 0) {
    return failure(...problems);
  }
  const services: readonly InstalledService[] = [
    ...(relay === undefined ? [] : [{ ...relay.service(directory), folder: "relay", title: relay.title }]),
    { ...collector.service(placement, release), folder: collector.name, title: collector.title },
  ];
  const notes = [
    ...collector.notes(target, placement, release),
    ...(relay === undefined ? [] : relay.notes(relay.input)),
    ...(site.proxy === undefined
      ? []
      : [proxyNote(site.proxy, Object.values(bySignal(({ hostname }) => hostname)))]),
  ];
  const rendered = [
    ...collector.render(target, placement, release),
    ...(relay === undefined ? [] : relay.render(relay.input)),
  ];
  const readme = siteReadme({ site, collector, release, directory, notes, services });
  const install = installScript({
    site: site.name,
    collector: collector.name,
    directory,
    services,
    relay: relay && { port: relay.input.port, authorities: relay.authorities },
    files: rendered,
  });
  const files: readonly RenderedFile[] = [
    ...rendered,
    { path: "README.md", mode: 0o644, content: readme },
    { path: "install.sh", mode: 0o644, content: install },
  ];
  // Throws when a collector breaks the layout; sealing a bundle does not look again.
  sortRenderedFiles(files);
  return success({ site: site.name, notes, services, files });
}

const proxyNote = (proxy: string, hosts: readonly string[]): string =>
  `Pushes leave by the proxy ${proxy}. It has to let CONNECT to ${hosts.map((host) => `${host}:443`).join(" and ")} through, and to leave what is inside alone: a proxy that opens TLS shows a certificate that nobody here trusts.`;

/** What is wrong with an option or the configuration is not wrong with the site's file. */
function aboutSite({ file }: Site, refusal: Problem): Problem {
  const { subject, says, todo } = refusal;
  return /^(?:--|sitepass:)/.test(subject) ? refusal : { subject: file, says: `${subject}: ${says}`, todo };
}

/** A collector that can push only some of the site's signals says so in its notes; one that can push none is a mistake. */
function signalProblems({ file, signals }: Site, collector: Collector): readonly Problem[] {
  return signals.some((signal) => collector.signals.includes(signal))
    ? []
    : [
        {
          subject: file,
          says: `collector is ${collector.name}, which pushes ${collector.signals.join(" and ")}, and the site pushes ${signals.join(" and ")}`,
          todo: "Name another collector, or change signals",
        },
      ];
}
