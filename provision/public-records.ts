import { DnsRecord } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import type { Config } from "../fleet/config";
import { recordComment, recordTypeFor, type RecordType } from "./declared-objects";
import type { PublicTunnel } from "./public-tunnel";
import { endpointOf, type PushEndpoint } from "./push-endpoint";
import type { SignalName } from "../fleet/signals";

/** What a host name points to. */
export interface RecordTarget {
  readonly type: RecordType;
  readonly content: pulumi.Input<string>;
}

export interface PublicRecord {
  readonly signal: SignalName;
  readonly hostname: string;
  readonly target: RecordTarget;
  /** What guards the name. */
  readonly applications: readonly pulumi.Resource[];
  /** The way behind them, which must stand too before the name becomes public. */
  readonly way: readonly pulumi.Resource[];
}

export interface PublicRecordsArgs {
  readonly zoneId: string;
  readonly records: readonly PublicRecord[];
  readonly ownPrefix: string;
}

/**
 * The proxied DNS records, the last thing to be declared: a host name is public from the moment it has one.
 *
 * One component for both ways of publishing, so that changing from a tunnel to addresses or back replaces a record in
 * place, first deleting the old one, instead of declaring a second one that Cloudflare refuses.
 */
export class PublicRecords extends pulumi.ComponentResource {
  constructor(name: string, args: PublicRecordsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:PublicRecords", name, {}, opts);
    for (const { signal, hostname, target, applications, way } of args.records) {
      new DnsRecord(
        signal,
        {
          zoneId: args.zoneId,
          // In full: the API answers with the full name, and a short one would differ from it on every refresh.
          name: hostname,
          type: target.type,
          content: target.content,
          // Unproxied, pushes would go around Access.
          proxied: true,
          // Automatic, the only value that a proxied record can have.
          ttl: 1,
          comment: recordComment(args.ownPrefix, signal),
        },
        {
          parent: this,
          dependsOn: [...applications, ...way],
          // When an application is made anew, the record goes first and comes back last: no moment without both.
          replaceWith: [...applications],
          // A CNAME shares its name with nothing (error 81053): a record of another type has to wait for it.
          deleteBeforeReplace: true,
        },
      );
    }
    this.registerOutputs({});
  }
}

/** Where each endpoint's DNS record leads, and what must stand before it: through the tunnel, or straight to an address. */
export function planRecords(
  config: Config,
  endpoints: ReadonlyMap<SignalName, PushEndpoint>,
  tunnel: PublicTunnel | undefined,
): readonly PublicRecord[] {
  const { publish } = config;
  return config.endpoints.map(({ signal, hostname }) => {
    const { wholeHost, writePaths } = endpointOf(signal, endpoints);
    const applications = [wholeHost, writePaths];
    if (publish.kind === "addresses") {
      const address = publish.addresses.get(signal);
      if (address === undefined) {
        throw new Error(`no address serves ${hostname}`);
      }
      return {
        signal,
        hostname,
        target: { type: recordTypeFor(address), content: address },
        applications,
        way: [],
      };
    }
    if (tunnel === undefined) {
      throw new Error(`no tunnel serves ${hostname}`);
    }
    return {
      signal,
      hostname,
      target: { type: "CNAME", content: tunnel.target },
      applications,
      way: [tunnel.ingress],
    };
  });
}
