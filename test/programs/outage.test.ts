import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cloudflare } from "cloudflare";
import { findProgram, goModules } from "../../local/programs/programs";
import { relayEndpoint } from "../../collectors/relay/relay";
import type { CollectorEndpoint } from "../../collectors/collector";
import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { prometheusOrigin, type Origin } from "../../local/run/origins";
import { versionOf } from "../../local/run/processes";
import { startHeaderProxy } from "../../local/run/header-proxy";
import {
  startPrometheus,
  probeMetric,
  startScrapeTarget,
  type PrometheusProcess,
  type ScrapeTarget,
} from "../../local/run/site-prometheus";
import { startRelayProgram, type RelayProgram } from "../../local/run/relay-program";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { engines } from "../support/engines";
import { accountId, openScenario, type Scenario } from "../support/scenario";
import semver from "semver";

const debianVersion = semver.coerce(versionOf("prometheus"))?.version;
const newer = findProgram("prometheus", "prometheus");
const newerVersion = newer === undefined ? undefined : goModules.prometheus.version;

/** Why this cannot run here; undefined when it can. */
const absent = [
  ...(debianVersion === undefined ? ["prometheus"] : []),
  // nginx has no --version.
  ...(spawnSync("nginx", ["-v"]).status === 0 ? [] : ["nginx"]),
];
const skip =
  absent.length === 0 ? undefined : `${absent.join(" and ")} not on PATH: apt-get install prometheus nginx`;

const outageSeconds = 120;
const host = "prom.example.com";
const paths = ["/api/v1/write"] as const;

/** What shuts the site out. */
type Outage = "revoked" | "rotated" | "login";

/** How the site pushes. "made-by-hand" follows redirects, which is what Prometheus does when nobody forbids it. */
type Way = "bare" | "made-by-hand" | "relay" | "relay-newer";

interface Sender {
  readonly site: string;
  readonly outage: Outage;
  readonly way: Way;
  readonly agent: PrometheusProcess;
  readonly relay: RelayProgram | undefined;
}

/** An account whose sites push, with a real Prometheus at the central host. */
interface Central {
  readonly fleet: Scenario;
  readonly edge: Edge;
  readonly connector: Connector;
  readonly origin: Origin;
}

const ways: Readonly<Record<Outage, readonly Way[]>> = {
  revoked: ["bare", "relay", "relay-newer"],
  rotated: ["bare", "relay", "relay-newer"],
  login: ["bare", "made-by-hand", "relay", "relay-newer"],
};

const waysHere = (outage: Outage): readonly Way[] =>
  ways[outage].filter((way) => way !== "relay-newer" || newer !== undefined);

describe(`a real Prometheus whose site is shut out for ${outageSeconds} seconds`, { skip }, () => {
  let home = "";
  let target: ScrapeTarget;
  const centrals: Central[] = [];
  const senders: Sender[] = [];
  const closers: (() => Promise<void>)[] = [];
  const losses = new Map<string, number>();

  before(async () => {
    home = mkdtempSync(join(tmpdir(), "sitepass-outage-"));
    target = await startScrapeTarget();
    // An account of its own for the login page: the application that answers so answers all its sites so.
    const [refusing, redirecting] = await Promise.all([
      openCentral(join(home, "refusing"), ["revoked", "rotated"]),
      openCentral(join(home, "redirecting"), ["login"]),
    ]);
    for (const [central, outages] of [
      [refusing, ["revoked", "rotated"]],
      [redirecting, ["login"]],
    ] as const) {
      for (const outage of outages) {
        for (const way of waysHere(outage)) {
          await startSender(central, outage, way);
        }
      }
    }
    await eventually(
      60,
      async () => (await arrivedEverywhere()).every((count) => count >= 5),
      describeSenders,
    );

    await shutOut(refusing, redirecting);
    await delay(outageSeconds * 1000);
    await letIn(refusing, redirecting);
    // Those behind a relay catch up; the others have nothing to catch up with, and go on.
    await eventually(
      60,
      async () => {
        await countLosses();
        return senders.every(({ site, way }) => !way.startsWith("relay") || losses.get(site) === 0);
      },
      describeSenders,
    ).catch(() => undefined);
    await countLosses();
  });

  after(async () => {
    await Promise.all(senders.map(({ agent }) => agent.close()));
    await Promise.all(senders.flatMap(({ relay }) => relay?.close() ?? []));
    await Promise.all(closers.map((close) => close()));
    await target.close();
    for (const { connector, edge, origin, fleet } of centrals) {
      await connector.close();
      await edge.close();
      await origin.close();
      await fleet.close();
    }
    rmSync(home, { recursive: true, force: true });
  });

  const title: Readonly<Record<Outage, string>> = {
    revoked: "its token is disabled",
    rotated: "its secret's window has run out",
    login: "an Allow policy sends it to the login page",
  };
  for (const outage of ["revoked", "rotated", "login"] as const) {
    it(`loses what it collects meanwhile without a relay when ${title[outage]}, and says so`, async (t) => {
      const { site, agent } = sender(outage, "bare");
      const lost = losses.get(site) ?? 0;
      t.diagnostic(`${lost} samples lost`);
      assert.ok(lost > outageSeconds - 30 && lost < outageSeconds + 30, `${lost} lost`);
      assert.ok((await agent.counter("prometheus_remote_storage_samples_failed_total")) >= lost);
    });

    for (const way of waysHere(outage).filter((one) => one.startsWith("relay"))) {
      const version = way === "relay" ? debianVersion : newerVersion;
      it(`${version ?? ""} loses nothing behind the relay when ${title[outage]}`, async () => {
        const { site, agent } = sender(outage, way);
        assert.equal(losses.get(site), 0);
        assert.equal(await agent.counter("prometheus_remote_storage_samples_failed_total"), 0);
        assert.ok((await agent.counter("prometheus_remote_storage_samples_retried_total")) > 0);
      });
    }
  }

  it("loses data without a word, and its secret to the login page, when it was made by hand", async (t) => {
    const { site, agent } = sender("login", "made-by-hand");
    const lost = losses.get(site) ?? 0;
    t.diagnostic(`${lost} samples lost`);
    assert.ok(lost > outageSeconds - 30 && lost < outageSeconds + 30, `${lost} lost`);
    assert.equal(await agent.counter("prometheus_remote_storage_samples_failed_total"), 0);
    const [, redirecting] = centrals;
    assert.ok(redirecting !== undefined);
    const logins = redirecting.edge.answered.filter(({ path }) => path.startsWith("/cdn-cgi/access/login"));
    assert.ok(logins.length > 0);
    assert.deepEqual(new Set(logins.map(({ status }) => status)), new Set([200]));
  });

  it("has nothing delivered of a site that is shut out", () => {
    // What came through during the outage would make the losses above smaller, and the promise of a shut-out site a lie.
    for (const { outage, way, site } of senders.filter((one) => !one.way.startsWith("relay"))) {
      assert.ok((losses.get(site) ?? 0) > 0, `${outage} ${way}`);
    }
  });

  function sender(outage: Outage, way: Way): Sender {
    const found = senders.find((one) => one.outage === outage && one.way === way);
    assert.ok(found !== undefined);
    return found;
  }

  async function openCentral(directory: string, outages: readonly Outage[]): Promise<Central> {
    mkdirSync(directory);
    const [engine] = engines;
    assert.ok(engine !== undefined);
    const names = outages.flatMap((outage) => waysHere(outage).map((way) => `${outage}-${way}`));
    const fleet = await openScenario(engine, { sites: Object.fromEntries(names.map((name) => [name, ""])) });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    const { tunnelToken } = await fleet.outputs();
    assert.ok(tunnelToken !== undefined);
    const origin = await prometheusOrigin(directory, probeMetric);
    assert.ok(origin !== undefined);
    const { database } = fleet.standIn;
    const edge = await startEdge({ database, loginOnLoopback: true });
    const services = new Map([["http://localhost:9090", origin.url]]);
    const connector = await startConnector({ database, tunnelToken, services });
    const central = { fleet, edge, connector, origin };
    // In the order of the call, so that tests find them: the promises settle in any.
    centrals[outages.includes("login") ? 1 : 0] = central;
    return central;
  }

  async function startSender({ fleet, edge }: Central, outage: Outage, way: Way): Promise<void> {
    const site = `${outage}-${way}`;
    const pass = await credentialsOf(fleet, site);
    const directory = join(home, site);
    const hostUrl = await edge.hostUrl(host);
    const debian = { program: "prometheus", version: debianVersion ?? "" };
    const latest = newer === undefined ? debian : { program: newer, version: newerVersion ?? "" };
    let endpoint: CollectorEndpoint = { base: hostUrl, paths };
    let relay: RelayProgram | undefined;
    let credentials: SiteCredentials | undefined;
    if (way.startsWith("relay")) {
      relay = await startRelayProgram("nginx", {
        endpoints: { metrics: { hostname: host, base: edge.url, paths } },
        credentials: pass,
      });
      endpoint = relayEndpoint(relay.port, "metrics", paths);
    } else if (newer === undefined) {
      // Debian 12's Prometheus never sends headers: a proxy that adds them and changes nothing makes it bare.
      const proxy = await startHeaderProxy(join(home, `${site}-proxy`), hostUrl, pass);
      closers.push(proxy.close);
      endpoint = { base: proxy.url, paths };
    } else {
      credentials = pass;
    }
    const agent = await startPrometheus({
      directory,
      ...(way === "relay" ? debian : latest),
      site: { name: site, siteLabel: "provider", labels: {}, endpoints: { metrics: endpoint } },
      credentials,
      target: { address: target.address, path: target.pathFor(site) },
      ...(way === "made-by-hand" ? { followRedirects: true } : {}),
    });
    senders.push({ site, outage, way, agent, relay });
  }

  async function shutOut(refusing: Central, redirecting: Central): Promise<void> {
    // What is good for a few seconds more is as good as nothing to a site that is told an hour later.
    const until = new Date(Date.now() + 8_000).toISOString();
    for (const { site } of senders.filter(({ outage }) => outage === "rotated")) {
      refusing.fleet.putSite(site, `token: { secretVersion: 2, previousSecretExpiresAt: ${until} }\n`);
    }
    const { exitCode, text } = await refusing.fleet.up();
    assert.equal(exitCode, 0, text);
    await setEnabled(refusing, "revoked", false);
    await redirectStrangers(redirecting);
    await setEnabled(redirecting, "login", false);
    await delay(Math.max(0, Date.parse(until) - Date.now()));
  }

  async function letIn(refusing: Central, redirecting: Central): Promise<void> {
    await setEnabled(refusing, "revoked", true);
    await setEnabled(redirecting, "login", true);
    for (const { site, agent, relay } of senders.filter(({ outage }) => outage === "rotated")) {
      const pass = await credentialsOf(refusing.fleet, site);
      if (relay === undefined) {
        agent.rotate(pass);
      } else {
        await relay.rotate(pass);
      }
    }
  }

  async function arrivedEverywhere(): Promise<readonly number[]> {
    const counts = new Map(
      (await Promise.all(centrals.map(({ origin }) => origin.arrived("provider")))).flatMap((found) => [
        ...found,
      ]),
    );
    return senders.map(({ site }) => counts.get(site) ?? 0);
  }

  async function countLosses(): Promise<void> {
    // Scrapes first: what is scraped after the count would look like a loss.
    const scrapes = senders.map(({ site }) => target.scrapesBy(site));
    // A push waits five seconds for more to send along.
    await delay(7_000);
    const arrived = await arrivedEverywhere();
    for (const [index, { site }] of senders.entries()) {
      losses.set(site, Math.max(0, (scrapes[index] ?? 0) - (arrived[index] ?? 0)));
    }
  }

  const describeSenders = (): string =>
    senders.map(({ site, agent }) => `${site}: ${agent.text().split("\n").slice(-3).join(" | ")}`).join("\n");
});

async function credentialsOf(fleet: Scenario, site: string): Promise<SiteCredentials> {
  const found = (await fleet.outputs()).sites[site];
  assert.ok(found !== undefined);
  return found;
}

const clientFor = ({ standIn }: Scenario): Cloudflare =>
  new Cloudflare({ apiToken: standIn.apiToken, baseURL: standIn.baseUrl });

/** In the dashboard's way, behind the program's back. */
async function setEnabled({ fleet }: Central, prefix: Outage, enabled: boolean): Promise<void> {
  const client = clientFor(fleet);
  for (const { id, name, duration } of fleet.standIn.database.serviceTokens.values()) {
    if (name.includes(`/${prefix}-`)) {
      await client.zeroTrust.access.serviceTokens.update(id, {
        account_id: accountId,
        name,
        duration,
        enabled,
      });
    }
  }
}

/** An application as many are made by hand: an Allow policy for people beside the sites' own, and no 401. */
async function redirectStrangers({ fleet }: Central): Promise<void> {
  const client = clientFor(fleet);
  const { id: allow } = await client.zeroTrust.access.policies.create({
    account_id: accountId,
    name: "people",
    decision: "allow",
    include: [{ email_domain: { domain: "example.com" } }],
  });
  const application = [...fleet.standIn.database.applications.values()].find(
    ({ domain }) => domain === `${host}/api/v1/write`,
  );
  assert.ok(application !== undefined && allow !== undefined);
  await client.zeroTrust.access.applications.update(application.id, {
    account_id: accountId,
    type: "self_hosted",
    name: application.name,
    domain: application.domain,
    destinations: [{ type: "public", uri: `${host}/api/v1/write` }],
    policies: [
      ...application.policies.map(({ id, precedence }) => ({ id, precedence })),
      { id: allow, precedence: 999 },
    ],
    service_auth_401_redirect: false,
    app_launcher_visible: false,
    session_duration: "24h",
  });
}

async function eventually(
  seconds: number,
  holds: () => Promise<boolean>,
  failure: () => string,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new Error(failure());
    }
    await delay(500);
  }
}
