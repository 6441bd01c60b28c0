import { BlockList, isIP } from "node:net";
import { hostNameProblem } from "./names";

/** Address ranges that Cloudflare cannot reach: private, local and reserved ones (IANA special-purpose registries). */
const unreachable = { 4: new BlockList(), 6: new BlockList() };
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  unreachable[4].addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  // Loopback, and IPv4 addresses in IPv6's clothes.
  ["::", 8],
  ["fc00::", 7],
  // Link-local, site-local and multicast.
  ["fe80::", 9],
  ["ff00::", 8],
] as const) {
  unreachable[6].addSubnet(network, prefix, "ipv6");
}

/** What is wrong with an IP address or host name as a place that Cloudflare proxies to, or undefined. */
export function publicAddressProblem(address: string): string | undefined {
  const kind = isIP(address);
  if (kind !== 4 && kind !== 6) {
    return hostNameProblem(address) === undefined
      ? undefined
      : "is neither an IP address nor a host name. Write it as in 203.0.113.10, 2001:db8::1 or origin.example.net";
  }
  // Two lists: in a common one, an IPv6 range also matches IPv4 addresses by their mapped form.
  return unreachable[kind].check(address, kind === 4 ? "ipv4" : "ipv6")
    ? "is not reachable from the internet, so Cloudflare cannot proxy to it. Take a public address, or publish through a tunnel"
    : undefined;
}
