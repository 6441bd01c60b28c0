import type { IncomingMessage, ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import {
  headerLines,
  linesWithout,
  valuesOf,
  sendToLoopback,
  readBody,
} from "cloudflare-standin/edge/http-messages";
import type { Receiver } from "../../local/pushes/receiver";
import { listenOnLoopback, type LoopbackServer } from "cloudflare-standin/loopback-server";

/** What stands between a collector and the central host while something is wrong. */
export type Trouble =
  | { readonly kind: "answer"; readonly status: number; readonly html: boolean }
  /** As Access does with an Allow policy: to a page that answers 200. */
  | { readonly kind: "login" }
  /** Nobody listens. */
  | { readonly kind: "refused" };

/** A stand-in for the edge that answers as it is told, so that one cause after the other can be measured. */
export interface Front {
  readonly url: string;
  /** Secrets that are let in; others are answered 401. */
  accept(secrets: readonly string[]): void;
  /** Undefined: pushes reach the receiver. */
  trouble(trouble: Trouble | undefined): Promise<void>;
  /** How many requests met the trouble. */
  readonly troubled: () => number;
  /** How many requests followed the redirect to the login page, and how many of them carried the secret there. */
  readonly followed: () => { readonly all: number; readonly withSecret: number };
  close(): Promise<void>;
}

const loginPath = "/cdn-cgi/access/login";
const page = "<!DOCTYPE html><title>Sign in</title><h1>Sign in</h1>\n";

export async function startFront(receiver: Receiver, secret: string): Promise<Front> {
  let accepted: readonly string[] = [secret];
  let current: Trouble | undefined;
  let troubled = 0;
  const followed = { all: 0, withSecret: 0 };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const headers = headerLines(request.rawHeaders);
    const given = valuesOf(headers, "cf-access-client-secret");
    if (request.url?.startsWith(loginPath) === true) {
      followed.all += 1;
      followed.withSecret += given.length > 0 ? 1 : 0;
      request.resume();
      response.writeHead(200, { "content-type": "text/html" }).end(page);
      return;
    }
    if (current !== undefined) {
      troubled += 1;
      request.resume();
      answerTrouble(current, response);
      return;
    }
    if (given.length !== 1 || !accepted.includes(given[0] ?? "")) {
      troubled += 1;
      request.resume();
      response.writeHead(401, { "content-type": "text/html" }).end(page);
      return;
    }
    forward(request, receiver).then(
      ({ status, body }) => response.writeHead(status).end(body),
      () => response.destroy(),
    );
  };
  let server: LoopbackServer | undefined = await listenOnLoopback(listener, 0);
  const { url } = server;
  const port = Number(new URL(url).port);
  return {
    url,
    accept: (secrets) => {
      accepted = secrets;
    },
    trouble: async (trouble) => {
      current = trouble;
      if (trouble?.kind === "refused") {
        await server?.close();
        server = undefined;
      } else {
        server ??= await listenOnLoopback(listener, port);
      }
    },
    troubled: () => troubled,
    followed: () => followed,
    close: async () => {
      await server?.close();
    },
  };
}

function answerTrouble(trouble: Trouble, response: ServerResponse): void {
  switch (trouble.kind) {
    case "login":
      response.writeHead(302, { location: `${loginPath}/prom.example.com?redirect_url=%2F` }).end();
      return;
    case "answer":
      response
        .writeHead(trouble.status, { "content-type": trouble.html ? "text/html" : "text/plain" })
        .end(trouble.html ? page : "trouble\n");
      return;
    case "refused":
      response.destroy();
  }
}

/** The receiver reads no gzip, which OpenTelemetry sends. */
async function forward(
  request: IncomingMessage,
  receiver: Receiver,
): Promise<{ status: number; body: Buffer }> {
  const headers = headerLines(request.rawHeaders);
  const body = (await readBody(request)) ?? Buffer.alloc(0);
  const zipped = valuesOf(headers, "content-encoding")[0] === "gzip";
  return sendToLoopback(receiver.url, {
    method: request.method ?? "POST",
    host: "prom.example.com",
    path: request.url ?? "/",
    headers: linesWithout(headers, zipped ? ["content-encoding"] : []),
    body: zipped ? gunzipSync(body) : body,
  });
}
