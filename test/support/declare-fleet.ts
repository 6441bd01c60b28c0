import { Alerts } from "../../provision/alerts";
import type { Config } from "../../fleet/config";
import { planRecords, PublicRecords } from "../../provision/public-records";
import { planRoutes, PublicTunnel } from "../../provision/public-tunnel";

import { PushEndpoint } from "../../provision/push-endpoint";
import { PushPolicies } from "../../provision/push-policies";
import { SitePasses } from "../../provision/site-passes";
import type { Site } from "../../fleet/sites";

/** Declares what index.ts declares once it has asked Cloudflare, for recordDeclarations. */
export function declareFleet(config: Config, sites: readonly Site[], ownPrefix: string): void {
  const { accountId, publish } = config;
  const { tokens } = new SitePasses("sites", { accountId, sites, ownPrefix });
  const policies = new PushPolicies("push", { accountId, sites, tokens, ownPrefix });
  const endpoints = new Map(
    config.endpoints.map((endpoint) => [
      endpoint.signal,
      new PushEndpoint(endpoint.signal, {
        accountId,
        endpoint,
        policies: policies.forSignal(endpoint.signal),
        ownPrefix,
      }),
    ]),
  );
  const tunnel =
    publish.kind === "tunnel"
      ? new PublicTunnel("tunnel", {
          accountId,
          tunnelName: publish.name,
          teamName: config.teamName,
          routes: planRoutes(config, endpoints),
          protect: config.protect,
        })
      : undefined;
  new PublicRecords("dns", { zoneId: "zone", records: planRecords(config, endpoints, tunnel), ownPrefix });
  if (config.alertEmails.length > 0) {
    new Alerts("alerts", { accountId, emails: config.alertEmails, tunnelId: tunnel?.tunnelId, ownPrefix });
  }
}
