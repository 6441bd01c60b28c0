import { z } from "zod";

/** Rows of a tunnel and its configuration; see rows.ts for how fields are named. */

const text = z.string();

const accessCheck = z.strictObject({
  required: z.boolean().exactOptional(),
  teamName: text,
  audTag: z.array(text),
});

const wholeSeconds = z.int().min(0).exactOptional();
const flag = z.boolean().exactOptional();

/** `originRequest` by the SDK's types (cloudflare 7.3.0 resources/zero-trust/tunnels/cloudflared/configurations.d.ts). Durations are whole seconds: `"10s"` and `1.5` break cloudflared (facts/cloudflare.md §8). */
export const originRequest = z.strictObject({
  access: accessCheck.exactOptional(),
  caPool: text.exactOptional(),
  connectTimeout: wholeSeconds,
  disableChunkedEncoding: flag,
  http2Origin: flag,
  httpHostHeader: text.exactOptional(),
  keepAliveConnections: wholeSeconds,
  keepAliveTimeout: wholeSeconds,
  matchSNItoHost: flag,
  noHappyEyeballs: flag,
  noTLSVerify: flag,
  originServerName: text.exactOptional(),
  proxyType: text.exactOptional(),
  tcpKeepAlive: wholeSeconds,
  tlsTimeout: wholeSeconds,
});
export type OriginRequest = z.infer<typeof originRequest>;

export const ingressRule = z.strictObject({
  hostname: text.exactOptional(),
  path: text.exactOptional(),
  service: text,
  originRequest: originRequest.exactOptional(),
});
export type IngressRule = z.infer<typeof ingressRule>;

export const tunnelConfig = z.strictObject({
  ingress: z.array(ingressRule).exactOptional(),
  originRequest: originRequest.exactOptional(),
});
export type TunnelConfig = z.infer<typeof tunnelConfig>;

/** One of a connector's connections to the network (four in real life, facts/cloudflare.md §9). */
export const connectionRow = z.strictObject({
  id: text,
  uuid: text,
  client_id: text,
  client_version: text,
  colo_name: text,
  is_pending_reconnect: z.boolean(),
  opened_at: text,
  origin_ip: text,
});
export type Connection = z.infer<typeof connectionRow>;

/** One running `cloudflared`. `id` is the client ID. */
export const connectorRow = z.strictObject({
  id: text,
  version: text,
  arch: text,
  config_version: z.number(),
  features: z.array(text),
  run_at: text,
  conns: z.array(connectionRow),
});
export type Connector = z.infer<typeof connectorRow>;

export const tunnelRow = z.strictObject({
  id: text,
  name: text,
  config_src: z.enum(["local", "cloudflare"]),
  created_at: text,
  deleted_at: text.nullable(),
  conns_active_at: text.nullable(),
  conns_inactive_at: text.nullable(),
  /** Base64; plain, because `GET .../token` gives it back. */
  tunnelSecret: text,
  connections: z.array(connectorRow),
  /** Version 0 and no document until the first PUT. */
  configuration: z.strictObject({
    version: z.number(),
    created_at: text,
    config: tunnelConfig.nullable(),
  }),
});
export type Tunnel = z.infer<typeof tunnelRow>;
