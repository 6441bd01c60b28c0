import type { Via } from "../transport";

/** The way to a server on this machine. */
export function viaTo(url: string): Via {
  const { protocol, hostname, port } = new URL(url);
  return { protocol: protocol === "https:" ? "https:" : "http:", hostname, port: Number(port) };
}
