import {
  ZeroTrustTunnelCloudflared,
  ZeroTrustTunnelCloudflaredConfig,
  getZeroTrustTunnelCloudflaredToken,
} from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../fleet/config";
import { problemText } from "../fleet/problem";
import type { SignalName } from "../fleet/signals";
import { briefMessage } from "../fleet/zod-issues";
import { anchoredPattern } from "./declared-objects";
import { endpointOf, type PushEndpoint } from "./push-endpoint";

/** One host name's way through the tunnel. */
export interface PublicRoute {
  readonly hostname: string;
  readonly paths: readonly string[];
  /** Where cloudflared finds the service. */
  readonly origin: string;
  /** Audience tag of the application on the write paths. */
  readonly audience: pulumi.Input<string>;
}

export interface PublicTunnelArgs {
  readonly accountId: string;
  /** The tunnel's name in Cloudflare. */
  readonly tunnelName: string;
  /** Zero Trust team name, the issuer of the assertions that cloudflared checks. */
  readonly teamName: string;
  readonly routes: readonly PublicRoute[];
  /** Refuse to delete the tunnel. */
  readonly protect: boolean;
}

/** A remotely configured tunnel that leads the write paths, and nothing else, to the central host. */
export class PublicTunnel extends pulumi.ComponentResource {
  readonly tunnelId: pulumi.Output<string>;
  /** What `cloudflared` is started with; secret. */
  readonly tunnelToken: pulumi.Output<string>;
  /** What the host names' DNS records point to. */
  readonly target: pulumi.Output<string>;
  readonly ingress: ZeroTrustTunnelCloudflaredConfig;

  constructor(name: string, args: PublicTunnelArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PublicTunnel", name, {}, opts);
    const tunnel = new ZeroTrustTunnelCloudflared(
      name,
      {
        accountId: args.accountId,
        name: args.tunnelName,
        // The default is "local", and a local tunnel ignores the ingress rules below.
        configSrc: "cloudflare",
      },
      {
        parent: this,
        protect: args.protect,
        // A tunnel's name is unique among live tunnels (error 1013): a replacement has to wait for it.
        deleteBeforeReplace: true,
      },
    );
    this.ingress = new ZeroTrustTunnelCloudflaredConfig(
      `${name}-ingress`,
      {
        accountId: args.accountId,
        tunnelId: tunnel.id,
        config: {
          ingresses: [
            ...args.routes.map(({ hostname, paths, origin, audience }) => ({
              hostname,
              path: anchoredPattern(paths),
              service: origin,
              // Checked again at the central host, so that a deleted or loosened application does not open it. Only
              // here, on each rule: at the top level cloudflared accepts it and checks nothing.
              originRequest: { access: { required: true, teamName: args.teamName, audTags: [audience] } },
            })),
            ...(args.routes.length === 0
              ? []
              : [
                  // A host name that no longer is the stack's, and whose record still leads here while `up` moves it:
                  // 503 is what collectors send again, while they drop what is answered with 404.
                  {
                    path: anchoredPattern(args.routes.flatMap(({ paths }) => paths)),
                    service: "http_status:503",
                  },
                ]),
            { service: "http_status:404" },
          ],
        },
      },
      // Cloudflare has no call to delete a configuration; it goes with its tunnel.
      { parent: this, deletedWith: tunnel },
    );
    this.tunnelId = tunnel.id;
    this.target = pulumi.interpolate`${tunnel.id}.cfargotunnel.com`;
    // The provider returns the token as plain text (docs/facts/provider.md, P44).
    this.tunnelToken = pulumi.secret(tunnel.id.apply((id) => readTunnelToken(args, id)));
    this.registerOutputs({});
  }
}

async function readTunnelToken(args: PublicTunnelArgs, tunnelId: string): Promise<string> {
  try {
    const { token } = await getZeroTrustTunnelCloudflaredToken({ accountId: args.accountId, tunnelId });
    return token;
  } catch (error) {
    const problem = {
      subject: `tunnel "${args.tunnelName}"`,
      says: `its token cannot be read, ID ${tunnelId} (${briefMessage(error)})`,
      // Reading the tunnel goes well even then, so that neither `up` nor `refresh` brings it back (docs/facts/provider.md, P42).
      todo: `If the tunnel was deleted at Cloudflare, run \`npx sitepass forget-tunnel --stack ${pulumi.getStack()}\`, which prints the way to another; if not, give the API token the permission "Cloudflare Tunnel" Edit`,
    };
    throw new pulumi.RunError(problemText(problem));
  }
}

/** The tunnel's routes: each endpoint's write paths, checked for the assertion of the application on them. */
export function planRoutes(
  config: Config,
  endpoints: ReadonlyMap<SignalName, PushEndpoint>,
): readonly PublicRoute[] {
  return config.endpoints.map(({ signal, hostname, paths, origin }) => ({
    hostname,
    paths,
    origin,
    audience: endpointOf(signal, endpoints).writePaths.aud,
  }));
}
