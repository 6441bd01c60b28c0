import { accessApplication } from "./kinds/access-application";
import { accessPolicy } from "./kinds/access-policy";
import { dnsRecord } from "./kinds/dns-record";
import { notificationPolicy } from "./kinds/notification-policy";
import { serviceToken } from "./kinds/service-token";
import { tunnel } from "./kinds/tunnel";
import { tunnelConfiguration } from "./kinds/tunnel-configuration";
import type { ResourceKind } from "./resource-kind";

const kinds = new Map(
  [
    accessApplication,
    accessPolicy,
    dnsRecord,
    notificationPolicy,
    serviceToken,
    tunnel,
    tunnelConfiguration,
  ].map((kind) => [kind.type, kind]),
);

/** @throws Error for a type that the engine does not know: it never passes over a resource in silence. */
export function kindOf(type: string): ResourceKind {
  const kind = kinds.get(type);
  if (kind === undefined) {
    throw new Error(`local/engine does not know the resource type ${type}; add it to local/engine/kinds/`);
  }
  return kind;
}
