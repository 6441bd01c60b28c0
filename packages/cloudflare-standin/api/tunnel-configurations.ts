import { z } from "zod";
import { badTunnelConfiguration } from "./errors";
import { configurationProblems } from "./ingress-rules";
import { noBody, noQuery, route, type Route } from "./route";
import { tunnelConfig, type Tunnel } from "./tunnel-rows";
import { liveTunnel } from "./tunnel-access";

/** `source` is not in the SDK's parameters, but the provider repeats it from an answer (TF:zero_trust_tunnel_cloudflared_config/model.go). */
const updateBody = z.strictObject({
  config: tunnelConfig,
  source: z.literal("cloudflare").exactOptional(),
});

const path = "/accounts/:account/cfd_tunnel/:id/configurations";

/**
 * A tunnel's remote configuration (facts/cloudflare.md §7): a PUT replaces the whole document and raises the version. There is
 * no DELETE. Real Cloudflare may take what cloudflared then refuses; the stand-in refuses it at once, with cloudflared's
 * checks. A tunnel with `config_src: local` refuses the PUT, as it would never read the document; that is a gap.
 */
export const tunnelConfigurationRoutes: readonly Route[] = [
  route({
    method: "GET",
    path,
    permission: "Cloudflare Tunnel Read",
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => ({ result: shown(liveTunnel(database, id), database.accountId) }),
  }),
  route({
    method: "PUT",
    path,
    permission: "Cloudflare Tunnel Write",
    query: noQuery,
    body: updateBody,
    handle: ({ database, now, id, body: { config } }) => {
      const tunnel = liveTunnel(database, id);
      if (tunnel.config_src === "local") {
        throw badTunnelConfiguration("this tunnel is configured locally (config_src is local)");
      }
      const problems = configurationProblems(config);
      if (problems.length > 0) {
        throw badTunnelConfiguration(problems.join("; "));
      }
      tunnel.configuration = {
        version: tunnel.configuration.version + 1,
        created_at: now().toISOString(),
        config,
      };
      return { result: shown(tunnel, database.accountId) };
    },
  }),
];

/** Fields by cloudflare 7.3.0 configurations.d.ts. Before the first PUT: version 0 and a null document [gap]. */
function shown({ id, config_src, configuration }: Tunnel, accountId: string): object {
  const { version, created_at, config } = configuration;
  return { account_id: accountId, tunnel_id: id, source: config_src, version, created_at, config };
}
