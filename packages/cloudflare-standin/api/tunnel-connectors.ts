import type { Database } from "./database";
import type { Connector, Tunnel } from "./tunnel-rows";

/**
 * Notes that a connector is up. A connector with the same ID is replaced, as one that reconnects is. Nothing is done for a
 * tunnel that is unknown or deleted; the answer says whether there was one.
 */
export function registerConnector(
  database: Database,
  tunnelId: string,
  connector: Connector,
  now: Date,
): boolean {
  const tunnel = database.tunnels.get(tunnelId);
  if (tunnel?.deleted_at !== null) {
    return false;
  }
  if (tunnel.connections.length === 0) {
    tunnel.conns_active_at = now.toISOString();
    tunnel.conns_inactive_at = null;
  }
  tunnel.connections = [...tunnel.connections.filter(({ id }) => id !== connector.id), connector];
  return true;
}

/** Notes that a connector is gone, or all of them when none is named. */
export function unregisterConnector(
  database: Database,
  tunnelId: string,
  connectorId: string | undefined,
  now: Date,
): void {
  const tunnel = database.tunnels.get(tunnelId);
  if (tunnel === undefined || tunnel.connections.length === 0) {
    return;
  }
  tunnel.connections = tunnel.connections.filter(({ id }) => connectorId !== undefined && id !== connectorId);
  if (tunnel.connections.length === 0) {
    tunnel.conns_active_at = null;
    tunnel.conns_inactive_at = now.toISOString();
  }
}

/** `inactive` until a connector has been up, then `healthy` or `down`; `degraded` needs connections that fail and is not imitated (cloudflare 7.3.0 resources/shared.d.ts CloudflareTunnel). */
export function tunnelStatus(tunnel: Tunnel): "inactive" | "healthy" | "down" {
  if (tunnel.connections.length > 0) {
    return "healthy";
  }
  return tunnel.conns_inactive_at === null ? "inactive" : "down";
}
