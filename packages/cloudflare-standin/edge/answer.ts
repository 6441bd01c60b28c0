import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { flatHeaders, type HeaderLines, type ReceivedAnswer } from "./http-messages";

/** Who answered: nobody knew the name (or the record leads around Cloudflare), Access, the connector, the service behind, or Cloudflare's network itself. */
export type AnsweredBy = "dns" | "access" | "cloudflared" | "origin" | "edge";

/** An answer on its way back to the client. */
export interface Answer extends ReceivedAnswer {
  readonly by: AnsweredBy;
  /** Why, for people and tests; never sent. */
  readonly detail: string;
}

/** An answer that one of Cloudflare's own parts makes. */
export function ownAnswer(by: AnsweredBy, status: number, detail: string, body = ""): Answer {
  const headers: HeaderLines = body === "" ? [] : [["content-type", "text/plain; charset=UTF-8"]];
  return { by, status, headers, body: Buffer.from(body), detail };
}

/** The same as a page for people; `headers` come after its type. */
export function ownPage(
  by: AnsweredBy,
  status: number,
  detail: string,
  title: string,
  headers: HeaderLines = [],
): Answer {
  return {
    ...ownAnswer(by, status, detail, `<!DOCTYPE html><title>${title}</title><h1>${title}</h1>\n`),
    headers: [["content-type", "text/html; charset=UTF-8"], ...headers],
  };
}

/** A Ray ID, which Cloudflare gives each request. */
export function rayId(): string {
  return `${randomBytes(8).toString("hex")}-AMS`;
}

/** Writes the answer as Cloudflare passes it on; what did not come through Cloudflare bears no mark of it. A body that was too long is not waited for. */
export function writeAnswer(response: ServerResponse, { by, status, headers, body }: Answer): void {
  const marked: HeaderLines =
    by === "dns"
      ? headers
      : [
          ...headers.filter(([name]) => name.toLowerCase() !== "server"),
          ["server", "cloudflare"],
          ["cf-ray", rayId()],
        ];
  const length: HeaderLines =
    status === 204 || status === 304 ? [] : [["content-length", String(body.length)]];
  const end: HeaderLines = status === 413 ? [["connection", "close"]] : [];
  response.writeHead(status, flatHeaders([...marked, ...length, ...end]));
  response.end(body);
}
