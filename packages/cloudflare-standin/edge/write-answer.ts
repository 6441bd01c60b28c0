import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Answer } from "./answer";
import { flatHeaders, type HeaderLines } from "./header-lines";

/** Writes the answer as Cloudflare passes it on; what did not come through Cloudflare bears no mark of it. A body that was too long is not waited for. */
export function writeAnswer(response: ServerResponse, { by, status, headers, body }: Answer): void {
  const marks: HeaderLines =
    by === "dns"
      ? []
      : [
          ["server", "cloudflare"],
          ["cf-ray", `${randomBytes(8).toString("hex")}-AMS`],
        ];
  const origin = by === "dns" ? headers : headers.filter(([name]) => name.toLowerCase() !== "server");
  const length: HeaderLines =
    status === 204 || status === 304 ? [] : [["content-length", String(body.length)]];
  const end: HeaderLines = status === 413 ? [["connection", "close"]] : [];
  response.writeHead(status, flatHeaders([...origin, ...marks, ...length, ...end]));
  response.end(body);
}
