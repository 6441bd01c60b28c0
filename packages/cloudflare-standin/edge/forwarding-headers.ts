import { randomBytes } from "node:crypto";
import { linesWithout, type HeaderLines } from "./header-lines";

/** The headers that Cloudflare adds on the way to an origin (cloudflare-docs, fundamentals/reference/http-headers). What a sender says of itself under these names is replaced; X-Forwarded-For is continued. */
export function forwardingHeaders(headers: HeaderLines, address: string): HeaderLines {
  const forwarded = headers
    .filter(([name]) => name.toLowerCase() === "x-forwarded-for")
    .map(([, value]) => value);
  return [
    ...linesWithout(headers, ["cf-connecting-ip", "cf-ray", "x-forwarded-for", "x-forwarded-proto"]),
    ["CF-Connecting-IP", address],
    ["CF-Ray", `${randomBytes(8).toString("hex")}-AMS`],
    ["X-Forwarded-For", [...forwarded, address].join(", ")],
    ["X-Forwarded-Proto", "https"],
  ];
}
