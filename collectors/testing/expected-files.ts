import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { SignalName } from "../../fleet/signals";
import type { CollectorName, CollectorRelease, CollectorSite, Placement, RenderedFile } from "../collector";
import { collectors } from "../collectors";
import { relays } from "../relay/relays";
import { bare, behindRelay, fullRelay, metricsRelay, tokyo, tokyoBehindRelay } from "./sites";

/** What is rendered for some sites, as whole files, to be read and compared. */
export const expectedFolder = join(__dirname, "..", "expected");

/** The cases by their folder below `expectedFolder`. */
export const expectedCases: Readonly<Record<string, readonly RenderedFile[]>> = {
  "prometheus/server": rendered("prometheus", tokyo, bare),
  "prometheus/relayed-agent-of-debian-12": rendered("prometheus", tokyoBehindRelay, behindRelay, {
    version: "2.42.0",
    mode: "agent",
  }),
  "promtail/logs": rendered("promtail", tokyo, bare),
  "promtail/relayed-logs": rendered("promtail", tokyoBehindRelay, behindRelay),
  "promtail/secret-from-environment": rendered("promtail", tokyo, bare, { version: "3.1.2" }),
  "alloy/both-signals": rendered("alloy", tokyo, bare),
  "alloy/relayed-logs": rendered("alloy", only("logs", tokyoBehindRelay), behindRelay),
  "otelcol/both-signals": rendered("otelcol", tokyo, bare),
  "otelcol/relayed-metrics": rendered("otelcol", only("metrics", tokyoBehindRelay), behindRelay),
  "vmagent/metrics": rendered("vmagent", tokyo, bare),
  "vmagent/relayed-metrics": rendered("vmagent", tokyoBehindRelay, behindRelay),
  "vector/both-signals": rendered("vector", tokyo, bare),
  "vector/relayed-logs": rendered("vector", only("logs", tokyoBehindRelay), behindRelay),
  "fluent-bit/both-signals": rendered("fluent-bit", tokyo, bare),
  "fluent-bit/relayed-metrics": rendered("fluent-bit", only("metrics", tokyoBehindRelay), behindRelay),
  "telegraf/both-signals": rendered("telegraf", tokyo, bare),
  "telegraf/relayed-logs": rendered("telegraf", only("logs", tokyoBehindRelay), behindRelay),
  "relay/nginx-metrics": relays.nginx.render(metricsRelay),
  "relay/nginx-both-signals": relays.nginx.render(fullRelay),
  "relay/caddy-metrics": relays.caddy.render(metricsRelay),
  "relay/caddy-both-signals": relays.caddy.render(fullRelay),
};

function rendered(
  name: CollectorName,
  site: CollectorSite,
  placement: Placement,
  release: Partial<CollectorRelease> = {},
): readonly RenderedFile[] {
  const collector = collectors[name];
  return collector.render(site, placement, {
    version: collector.defaultVersion,
    mode: "server",
    ...release,
  });
}

/** The same site, pushing one signal alone. */
function only(signal: SignalName, site: CollectorSite): CollectorSite {
  return { ...site, endpoints: { [signal]: site.endpoints[signal] } };
}

/** A case's folder: the rendered files, and a list of their modes and paths in the order of rendering. */
export function expectedTexts(files: readonly RenderedFile[]): ReadonlyMap<string, string> {
  const list = files.map(({ path, mode }) => `${mode.toString(8)} ${path}\n`).join("");
  return new Map([["files.txt", list], ...files.map(({ path, content }) => [path, content] as const)]);
}

/** The texts of all files in a folder and below, by path. */
export function textsBelow(folder: string): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [relative(folder, path), readFileSync(path, "utf8")];
      }),
  );
}
