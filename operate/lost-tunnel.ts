import { readTunnel, readTunnels, type AccountTunnel } from "../cloudflare/tunnels";
import { answered, mapAnswer, type CloudflareApi } from "../cloudflare/client";
import type { Problem } from "../fleet/problem";
import { resourceTypes } from "../provision/declared-objects";
import type { OpenStack } from "../stack/open-stack";
import type { StackResource } from "../stack/stack-resources";

/** A tunnel that the stack's state holds, and that Cloudflare has no longer. */
export interface LostTunnel {
  readonly id: string;
  /** Its name in Cloudflare; undefined when Cloudflare knows nothing of it any more. */
  readonly name: string | undefined;
  /** RFC 3339; undefined when Cloudflare knows nothing of it any more. */
  readonly deletedAt: string | undefined;
}

/** What Cloudflare says of one tunnel. */
export type SeenTunnel =
  | { readonly kind: "there"; readonly tunnel: AccountTunnel }
  | { readonly kind: "lost"; readonly tunnel: LostTunnel };

/**
 * Asks for a tunnel by its ID, as the list of an account's tunnels and a refresh do not tell one that was deleted.
 *
 * @throws UserError when Cloudflare does not say: then nothing may be taken for deleted.
 */
export async function lookAtTunnel(api: CloudflareApi, accountId: string, id: string): Promise<SeenTunnel> {
  const doing = `read tunnel ${id} of account ${accountId}`;
  return seenTunnel(id, answered(await readTunnel(api, accountId, id), doing, readTunnels));
}

/** @param tunnel undefined when Cloudflare knows nothing of it. */
const seenTunnel = (id: string, tunnel: AccountTunnel | undefined): SeenTunnel =>
  tunnel?.deletedAt === null
    ? { kind: "there", tunnel }
    : { kind: "lost", tunnel: { id, name: tunnel?.name, deletedAt: tunnel?.deletedAt } };

/** Whether it was deleted, and when, as a predicate. */
export const wasDeleted = ({ deletedAt }: LostTunnel): string =>
  deletedAt === undefined ? "is not in the account any more" : `was deleted at Cloudflare at ${deletedAt}`;

/** Said of a tunnel without which no site can push, and that neither `up` nor `refresh` brings back. */
export const lostTunnelProblem = (
  configuredName: string,
  tunnel: LostTunnel,
  { stackName }: Pick<OpenStack, "stackName">,
): Problem => ({
  subject: "sitepass:publish.tunnel.name",
  says: `is "${configuredName}", and the tunnel that the stack holds (ID ${tunnel.id}) ${wasDeleted(tunnel)}: every push is answered with 530`,
  todo: `Run \`npx sitepass forget-tunnel --stack ${stackName}\`, which prints the way to another tunnel`,
});

/**
 * The state's tunnels that Cloudflare has no longer, at one call each, and why others could not be read. What may not be read is left
 * out: `check` says which permission is missing.
 */
export async function findLostTunnels(
  api: CloudflareApi,
  accountId: string,
  resources: readonly Pick<StackResource, "type" | "id">[],
): Promise<{ readonly lost: readonly LostTunnel[]; readonly problems: readonly Problem[] }> {
  const held = resources.filter(({ type, id }) => type === resourceTypes.tunnel && id !== "");
  const read = await Promise.all(
    held.map(async ({ id }) =>
      mapAnswer(await readTunnel(api, accountId, id), (tunnel) => seenTunnel(id, tunnel)),
    ),
  );
  return {
    lost: read.flatMap((one) =>
      one.kind === "answered" && one.value.kind === "lost" ? one.value.tunnel : [],
    ),
    problems: read.flatMap((one) => (one.kind === "failed" ? one.problem : [])),
  };
}
