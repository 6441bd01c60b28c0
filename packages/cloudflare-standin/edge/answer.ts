import type { HeaderLines } from "./header-lines";

/** Who answered: nobody knew the name (or the record leads around Cloudflare), Access, the connector, the service behind, or Cloudflare's network itself. */
export type AnsweredBy = "dns" | "access" | "cloudflared" | "origin" | "edge";

/** An answer on its way back to the client. */
export interface Answer {
  readonly by: AnsweredBy;
  readonly status: number;
  readonly headers: HeaderLines;
  readonly body: Buffer;
  /** Why, for people and tests; never sent. */
  readonly detail: string;
}

/** An answer of one of Cloudflare's own parts. */
export function ownAnswer(by: AnsweredBy, status: number, detail: string, body = ""): Answer {
  return {
    by,
    status,
    headers: body === "" ? [] : [["content-type", "text/plain; charset=UTF-8"]],
    body: Buffer.from(body),
    detail,
  };
}
