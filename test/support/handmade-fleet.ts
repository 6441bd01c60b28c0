import { Cloudflare } from "cloudflare";
import { zoneId } from "cloudflare-standin/api/database";
import type { StandIn } from "cloudflare-standin";
import { present } from "cloudflare-standin/testing/stand-in";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import { signalNames, signals, type SignalName } from "../../fleet/signals";
import { accountId } from "./scenario";

/** A service token that somebody made in the dashboard and put into a collector. */
export interface HandmadeToken {
  readonly id: string;
  readonly clientId: string;
  readonly headers: HeaderLines;
}

/** What somebody made in the dashboard before there was a stack. */
export interface HandmadeFleet {
  readonly client: Cloudflare;
  readonly tokens: Readonly<Record<string, HandmadeToken>>;
  /** IDs by signal; empty where nobody is let in. */
  readonly policies: Readonly<Record<SignalName, string>>;
  readonly applications: Readonly<Record<SignalName, { readonly id: string; readonly aud: string }>>;
  readonly tunnelId: string;
  readonly tunnelToken: string;
}

export interface HandmadeOptions {
  /** Token names, and what each may push. */
  readonly tokens: Readonly<Record<string, readonly SignalName[]>>;
  /** Whether the tunnel checks for the applications' audiences. */
  readonly checked?: boolean;
  /** Besides those of the push hosts; the first rules of the tunnel. */
  readonly otherRoutes?: readonly { readonly hostname: string; readonly service: string }[];
}

export const handmadeHosts: Readonly<Record<SignalName, string>> = {
  metrics: "prom.example.com",
  logs: "loki.example.com",
};

/**
 * Makes a fleet by the steps of the usual article, through the API with the official SDK: a token a site, one policy and
 * one application on the whole host for each signal, and a tunnel that leads each host to its service.
 */
export async function makeByHand(standIn: StandIn, options: HandmadeOptions): Promise<HandmadeFleet> {
  const client = new Cloudflare({ apiToken: standIn.apiToken, baseURL: standIn.baseUrl, maxRetries: 0 });
  const account_id = accountId;
  const tokens: Record<string, HandmadeToken> = {};
  for (const name of Object.keys(options.tokens)) {
    const made = await client.zeroTrust.access.serviceTokens.create({ account_id, name });
    const clientId = present(made.client_id);
    tokens[name] = {
      id: present(made.id),
      clientId,
      headers: tokenHeaders(clientId, present(made.client_secret)),
    };
  }
  const protect = async (signal: SignalName) => {
    const include = Object.entries(options.tokens)
      .filter(([, pushes]) => pushes.includes(signal))
      .map(([name]) => ({ service_token: { token_id: present(tokens[name]).id } }));
    const policy =
      include.length === 0
        ? undefined
        : await client.zeroTrust.access.policies.create({
            account_id,
            name: `${signals[signal].title} tokens`,
            decision: "non_identity",
            include,
          });
    const application = await client.zeroTrust.access.applications.create({
      account_id,
      type: "self_hosted",
      name: signals[signal].title,
      domain: handmadeHosts[signal],
      policies: policy === undefined ? [] : [{ id: present(policy.id), precedence: 1 }],
    });
    return { policy: policy?.id ?? "", id: present(application.id), aud: present(application.aud) };
  };
  const metrics = await protect("metrics");
  const logs = await protect("logs");
  const applications = { metrics, logs };
  const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
    account_id,
    name: "central-observability",
    config_src: "cloudflare",
  });
  const tunnelId = present(tunnel.id);
  await client.zeroTrust.tunnels.cloudflared.configurations.update(tunnelId, {
    account_id,
    config: {
      ingress: [
        ...(options.otherRoutes ?? []),
        ...signalNames.map((signal) => ({
          hostname: handmadeHosts[signal],
          service: signals[signal].defaultOrigin,
          originRequest:
            options.checked === true
              ? { access: { required: true, teamName: "example-team", audTag: [applications[signal].aud] } }
              : {},
        })),
        { hostname: "", service: "http_status:404" },
      ],
    },
  });
  for (const signal of signalNames) {
    await client.dns.records.create({
      zone_id: zoneId("example.com"),
      type: "CNAME",
      name: handmadeHosts[signal],
      content: `${tunnelId}.cfargotunnel.com`,
      proxied: true,
      ttl: 1,
    });
  }
  return {
    client,
    tokens,
    policies: { metrics: metrics.policy, logs: logs.policy },
    applications,
    tunnelId,
    tunnelToken: await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id }),
  };
}
