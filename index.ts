import { join } from "node:path";
import { readAccountFacts } from "./provision/account-facts";
import { Alerts } from "./provision/alerts";
import { guardCreations } from "./provision/creation-guard";
import { guardDeletions } from "./provision/deletion-guard";
import { explainFailures } from "./provision/failure-hints";
import { readFleet } from "./fleet/sites";
import { stackOutputs } from "./provision/outputs";
import { pulumiProgram, readStackSettings, omitStackTraces } from "./provision/pulumi-program";
import { planRecords, PublicRecords } from "./provision/public-records";
import { planRoutes, PublicTunnel } from "./provision/public-tunnel";
import { PushEndpoint } from "./provision/push-endpoint";
import { PushPolicies } from "./provision/push-policies";
import { SitePasses } from "./provision/site-passes";

export = pulumiProgram(async () => {
  const settings = readStackSettings();
  const { ownPrefix } = settings;
  const fleet = readFleet(settings.raw, join(__dirname, "sites"));
  const { config, sites, elsewhere } = fleet;
  const { accountId, publish } = config;
  const { zone, teamName, tokens: accountTokens } = await readAccountFacts(fleet, settings);
  omitStackTraces();

  guardDeletions(config);
  guardCreations(settings, accountTokens);
  explainFailures();
  const { tokens } = new SitePasses("sites", {
    accountId,
    sites,
    elsewhere,
    ownPrefix,
    allowRemovals: config.allowRemovals,
  });
  const policies = new PushPolicies("push", { accountId, sites, tokens, ownPrefix });
  const endpoints = new Map(
    config.endpoints.map((endpoint) => [
      endpoint.signal,
      new PushEndpoint(endpoint.signal, {
        accountId,
        endpoint,
        policies: policies.forSignal(endpoint.signal),
        nobody: policies.nobody,
        ownPrefix,
      }),
    ]),
  );
  const tunnel =
    publish.kind === "tunnel"
      ? new PublicTunnel("tunnel", {
          accountId,
          tunnelName: publish.name,
          teamName,
          routes: planRoutes(config, endpoints),
          protect: config.protect,
        })
      : undefined;
  new PublicRecords("dns", { zoneId: zone.id, records: planRecords(config, endpoints, tunnel), ownPrefix });
  if (config.alertEmails.length > 0) {
    new Alerts("alerts", { accountId, emails: config.alertEmails, tunnelId: tunnel?.tunnelId, ownPrefix });
  }

  return stackOutputs(config, sites, tokens, tunnel);
});
