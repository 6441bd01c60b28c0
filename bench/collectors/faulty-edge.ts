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

/** What is wrong between a collector and the central host. */
export type Fault =
  | { readonly status: number; readonly html: boolean }
  /** As Access does with an Allow policy: a redirect to a page that answers 200. */
  | "login"
  /** Nobody listens. */
  | "connection refused";

/** An edge that fails as it is told to, so that one cause after the other can be measured. */
export interface FaultyEdge {
  readonly url: string;
  /** Secrets that are let in; others are answered 401. */
  accept(secrets: readonly string[]): void;
  /** Undefined: pushes reach the receiver. */
  setFault(fault: Fault | undefined): Promise<void>;
  /** How many requests were not let through. */
  readonly refused: () => number;
  /** How many requests carried the secret to where the redirect led. */
  readonly leaks: () => number;
  close(): Promise<void>;
}

const loginPath = "/cdn-cgi/access/login";
const page = "<!DOCTYPE html><title>Sign in</title><h1>Sign in</h1>\n";

export async function startFaultyEdge(receiver: Receiver, secret: string): Promise<FaultyEdge> {
  let accepted: readonly string[] = [secret];
  let fault: Fault | undefined;
  let refused = 0;
  let leaks = 0;
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const headers = headerLines(request.rawHeaders);
    const given = valuesOf(headers, "cf-access-client-secret");
    if (request.url?.startsWith(loginPath) === true) {
      leaks += given.length > 0 ? 1 : 0;
      request.resume();
      response.writeHead(200, { "content-type": "text/html" }).end(page);
      return;
    }
    const letIn = given.length === 1 && accepted.includes(given[0] ?? "");
    const wrong = fault ?? (letIn ? undefined : { status: 401, html: true });
    if (wrong !== undefined) {
      refused += 1;
      request.resume();
      answerFault(wrong, response);
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
    setFault: async (next) => {
      fault = next;
      if (next === "connection refused") {
        await server?.close();
        server = undefined;
      } else {
        server ??= await listenOnLoopback(listener, port);
      }
    },
    refused: () => refused,
    leaks: () => leaks,
    close: async () => {
      await server?.close();
    },
  };
}

function answerFault(fault: Fault, response: ServerResponse): void {
  if (fault === "login") {
    response.writeHead(302, { location: `${loginPath}/prom.example.com?redirect_url=%2F` }).end();
  } else if (fault === "connection refused") {
    response.destroy();
  } else {
    response.writeHead(fault.status, { "content-type": fault.html ? "text/html" : "text/plain" });
    response.end(fault.html ? page : "fault\n");
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
