import { z } from "zod";
import type { CallResult, CloudflareApi } from "../../cloudflare/client";

/** One rule of a tunnel's remote configuration. */
export interface IngressRule {
  /** Empty for every host. */
  readonly hostname: string;
  /** A Go regular expression, not anchored; empty for every path. */
  readonly path: string;
  readonly service: string;
  readonly originRequest: Readonly<Record<string, unknown>>;
}

/** A tunnel's remote configuration. */
export interface Ingress {
  /** In order: the first that matches serves. */
  readonly rules: readonly IngressRule[];
  /** What all rules inherit. */
  readonly originRequest: Readonly<Record<string, unknown>>;
  /** Whether private networks are reached through the tunnel too. */
  readonly privateNetworks: boolean;
}

const settings = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((found) => found ?? {});

const ruleSchema = z.object({
  hostname: z.string().default(""),
  path: z.string().default(""),
  service: z.string(),
  originRequest: settings,
});

const answerSchema = z.looseObject({
  config: z
    .looseObject({
      ingress: z.array(ruleSchema).nullish(),
      originRequest: settings,
      "warp-routing": z.looseObject({ enabled: z.boolean().default(false) }).nullish(),
    })
    .nullish(),
});

/** A tunnel's remote configuration; undefined before it was given one. */
export function readIngress(
  api: CloudflareApi,
  accountId: string,
  tunnelId: string,
): Promise<CallResult<Ingress | undefined>> {
  return api.call(`read the configuration of tunnel ${tunnelId}`, async () => {
    const answer: unknown = await api.client.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, {
      account_id: accountId,
    });
    const { config } = answerSchema.parse(answer);
    return config === undefined || config === null
      ? undefined
      : {
          rules: config.ingress ?? [],
          originRequest: config.originRequest,
          privateNetworks: config["warp-routing"]?.enabled ?? false,
        };
  });
}
