import { z } from "zod";
import type { Database } from "../api/database";
import type { Tunnel } from "../api/rows";

/** Base64 of JSON: account tag, tunnel ID and base64 secret (CFD:connection/connection.go TunnelToken). */
const contents = z.object({ a: z.string(), t: z.string(), s: z.string() });

/**
 * The tunnel that a token is for.
 *
 * Throws with cloudflared's sentence on text that is no token (CFD:cmd/cloudflared/tunnel/subcommands.go), and on a token the
 * network does not know; its sentences then are made up [gap].
 */
export function tunnelForToken(database: Database, token: string): Tunnel {
  const parsed = contents.safeParse(decoded(token));
  if (!parsed.success) {
    throw new Error("Provided Tunnel token is not valid.");
  }
  const { a: account, t: id, s: secret } = parsed.data;
  const tunnel = account === database.accountId ? database.tunnels.get(id) : undefined;
  if (tunnel?.deleted_at !== null) {
    throw new Error("Unauthorized: Tunnel not found");
  }
  if (tunnel.tunnelSecret !== secret) {
    throw new Error("Unauthorized: Invalid tunnel secret");
  }
  return tunnel;
}

function decoded(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64").toString());
  } catch {
    return undefined;
  }
}
