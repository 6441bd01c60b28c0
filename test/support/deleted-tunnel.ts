import assert from "node:assert/strict";
import { openCloudflareApi } from "../../cloudflare/client";
import { accountId, type Scenario } from "./scenario";

/**
 * Deletes the fleet's tunnel as a person does in the dashboard, which drops its connectors first.
 *
 * @returns its ID.
 */
export async function deleteTunnel({ standIn }: Pick<Scenario, "standIn">): Promise<string> {
  const { apiToken, baseUrl, database } = standIn;
  const [tunnel, ...others] = [...database.tunnels.values()].filter(({ deleted_at }) => deleted_at === null);
  assert.ok(tunnel !== undefined);
  assert.deepEqual(others, []);
  const { cloudflared } = openCloudflareApi({ apiToken, baseUrl }).client.zeroTrust.tunnels;
  await cloudflared.connections.delete(tunnel.id, { account_id: accountId });
  await cloudflared.delete(tunnel.id, { account_id: accountId });
  return tunnel.id;
}
