import type { AccountApplication } from "../../cloudflare/access-applications";
import type { CloudflareApi } from "../../cloudflare/client";
import { listRecords } from "../../cloudflare/dns-records";
import { listTunnels } from "../../cloudflare/tunnels";
import { findZone } from "../../cloudflare/zones";
import type { Problem } from "../../fleet/problem";
import { resourceTypes } from "../../provision/declared-objects";
import type { OpenStack } from "../../stack/open-stack";
import type { StackResource } from "../../stack/stack-resources";
import { leftOverApplication, leftOverRecord } from "../check/host-names";
import { unheldTunnel } from "../check/tunnel";
import { ownerOf, type Ownership } from "../ownership";

type Stack = Pick<OpenStack, "config">;

/**
 * What an interrupted run left on the push hosts: named as this stack's, and not in its state, so that the next `up` cannot
 * make its own.
 *
 * Tunnel and records are asked for only where the state lacks them, so that a fleet that is whole costs no call more. What
 * may not be read is left out: `check` says which permission is missing.
 */
export async function findLeftOvers(
  stack: Stack,
  api: CloudflareApi,
  applications: readonly AccountApplication[],
  { resources, ownership }: { readonly resources: readonly StackResource[]; readonly ownership: Ownership },
): Promise<readonly Problem[]> {
  const [tunnels, records] = await Promise.all([
    leftOverTunnels(stack, api, resources),
    leftOverRecords(stack, api, resources, ownership),
  ]);
  return [
    ...stack.config.endpoints.flatMap((endpoint) =>
      applications
        .filter(({ id, name }) => ownerOf(ownership, id, name) === "left over")
        .flatMap((application) => leftOverApplication(application, endpoint) ?? []),
    ),
    ...tunnels,
    ...records,
  ];
}

async function leftOverTunnels(
  { config: { publish, accountId } }: Stack,
  api: CloudflareApi,
  resources: readonly StackResource[],
): Promise<readonly Problem[]> {
  if (publish.kind !== "tunnel" || resources.some(({ type }) => type === resourceTypes.tunnel)) {
    return [];
  }
  const listed = await listTunnels(api, accountId, publish.name);
  return listed.kind === "answered" ? listed.value.map(({ id }) => unheldTunnel(publish.name, id)) : [];
}

async function leftOverRecords(
  { config }: Stack,
  api: CloudflareApi,
  resources: readonly StackResource[],
  ownership: Ownership,
): Promise<readonly Problem[]> {
  const lacking = config.endpoints.filter(
    ({ signal }) => !resources.some(({ type, name }) => type === resourceTypes.record && name === signal),
  );
  const zone = lacking.length === 0 ? undefined : await findZone(api, config);
  const zoneId = zone?.kind === "answered" ? zone.value?.id : undefined;
  if (zoneId === undefined) {
    return [];
  }
  const found = await Promise.all(
    lacking.map(async (endpoint) => {
      const listed = await listRecords(api, zoneId, endpoint.hostname);
      return listed.kind === "answered"
        ? listed.value.flatMap((record) => leftOverRecord(record, endpoint, ownership) ?? [])
        : [];
    }),
  );
  return found.flat();
}
