import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, Agent, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { gateSocket } from "../../../fleet/config";
import type { SignalName } from "../../../fleet/signals";
import { freePort, startService, type ServiceProcess } from "../../../local/run/processes";
import { defaultPorts, type CentralHost, type Places } from "../../central-host";
import { exampleHost } from "../../testing/central-hosts";
import { placesBelow } from "../../places";
import { teamsOf } from "../../several-stacks";
import { ensureKeyFiles, refreshAccessKeys } from "../access-keys";
import { gate } from "../gate";

/** Why tests with the real gate are skipped here; false where it can be run. */
export const withoutHaproxy: string | false =
  spawnSync("haproxy", ["-v"]).status !== 0 && "haproxy is not on PATH";

/** Whether HAProxy takes a configuration file, and what it says of it. */
export function validate(file: string): { readonly ok: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync("haproxy", ["-c", "-f", file], { encoding: "utf8" });
  return { ok: status === 0, text: `${stdout}${stderr}` };
}

/** Writes the gate's files as the folder of a central host has them, with slots for keys. */
export function writeGate(directory: string, central: CentralHost, places: Places): void {
  for (const { path, content, mode } of gate.files(central, places)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content, { mode });
  }
  mkdirSync(places.run, { recursive: true });
  ensureKeyFiles(directory, teamsOf(central));
}

/** A key pair of Access, or of somebody who would like to be Access. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK & { readonly kid: string };
}

export async function signingKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
}

/** An assertion as Access signs it for a service token; claims that are undefined are left out (docs/facts/edge.md, E7). */
export function assertion(
  key: SigningKey,
  changes: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    type: "app",
    aud: ["a".repeat(64)],
    iss: "https://example-team.cloudflareaccess.com",
    sub: "",
    common_name: "11111111111111111111111111111111.access",
    iat: now,
    exp: now + 60,
    ...changes,
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "RS256", kid: key.jwk.kid, typ: "JWT", ...header })
    .sign(key.privateKey);
}

/** What a store behind the gate was sent. */
export interface Arrived {
  readonly store: "vmagent" | "alloy" | "alloy-otlp" | "loki";
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One HTTP server in the place of each store, which keeps what it is sent. */
export class Stores {
  readonly arrived: Arrived[] = [];
  /** What the next pushes are answered with. */
  answer: { readonly status: number; readonly headers?: Record<string, string>; readonly delay?: number } = {
    status: 204,
  };
  readonly #servers = new Map<Arrived["store"], Server>();
  /** Whether what arrives is kept; a measurement does not want it. */
  keep = true;

  async open(store: Arrived["store"], port: number): Promise<void> {
    const server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        // What the gate asks by itself.
        if (incoming.url === "/ready") {
          response.writeHead(200).end();
          return;
        }
        if (this.keep) {
          const { method = "", url = "", headers } = incoming;
          this.arrived.push({ store, method, url, headers, body: Buffer.concat(chunks) });
        }
        const { status, headers, delay } = this.answer;
        const answer = () => response.writeHead(status, headers).end();
        if (delay === undefined) {
          answer();
        } else {
          setTimeout(answer, delay);
        }
      });
    });
    server.keepAliveTimeout = 600_000;
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.#servers.set(store, server);
  }

  take(): Arrived[] {
    return this.arrived.splice(0);
  }

  async close(store?: Arrived["store"]): Promise<void> {
    for (const [name, server] of this.#servers) {
      if (store === undefined || store === name) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        this.#servers.delete(name);
      }
    }
  }
}

export interface Push {
  readonly method?: string;
  readonly path?: string;
  /** In pairs, so that one can come twice. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string | Buffer | readonly Buffer[];
  readonly agent?: Agent;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const watched = new WeakSet<object>();

/** Sends a request over a unix socket, as cloudflared does; rejects when the connection breaks before an answer. */
export const sendTo = (
  socketPath: string,
  { method = "POST", path = "/api/v1/write", headers = [], body = "", agent }: Push,
): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const whole = typeof body === "string" || Buffer.isBuffer(body) ? Buffer.from(body) : undefined;
    const own = headers.map(([name]) => name.toLowerCase());
    const outgoing = request(
      {
        socketPath,
        method,
        path,
        ...(agent === undefined ? { agent: false } : { agent }),
        headers: [
          ...(own.includes("host") ? [] : ["Host", "prom.example.com"]),
          ...headers.flat(),
          ...(whole === undefined
            ? ["Transfer-Encoding", "chunked"]
            : own.includes("content-length")
              ? []
              : ["Content-Length", String(whole.length)]),
        ],
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
        response.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    // An idle connection may be ended by the gate, which is nobody's fault.
    outgoing.on("socket", (socket) => {
      if (!watched.has(socket)) {
        watched.add(socket);
        socket.on("error", () => undefined);
      }
    });
    if (whole === undefined) {
      for (const chunk of Array.isArray(body) ? (body as readonly Buffer[]) : []) {
        outgoing.write(chunk);
      }
      outgoing.end();
    } else {
      outgoing.end(whole);
    }
  });

/** A gate that runs from its rendered files, stores behind it, and Access' keys published before it. */
export interface RunningGate {
  readonly directory: string;
  readonly places: Places;
  readonly stores: Stores;
  /** The keys that Access publishes just now; empty: its page is not JSON. */
  published: readonly SigningKey[];
  readonly refreshKeys: () => ReturnType<typeof refreshAccessKeys>;
  readonly send: (signal: SignalName, push: Push) => Promise<Answered>;
  /** The text of one of the gate's own pages. */
  readonly page: (path: string) => Promise<string>;
  readonly start: () => Promise<void>;
  /** SIGKILL where a patience in milliseconds is given. */
  readonly stop: (patience?: number) => Promise<void>;
  readonly log: () => string;
  readonly close: () => Promise<void>;
}

export async function runGate(
  options: {
    readonly central?: Partial<CentralHost>;
    readonly keys?: readonly SigningKey[];
  } = {},
): Promise<RunningGate> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-gate-"));
  const ports = {
    ...defaultPorts,
    gate: { http: await freePort() },
    vmagent: { http: await freePort() },
    alloy: { http: 1, loki: await freePort(), otlp: await freePort() },
    loki: { http: await freePort(), grpc: 1 },
  };
  const central = exampleHost(options.central);
  const places = placesBelow(directory, ports);
  writeGate(directory, central, places);
  const stores = new Stores();
  await stores.open("vmagent", ports.vmagent.http);
  await stores.open("alloy", ports.alloy.loki);
  await stores.open("alloy-otlp", ports.alloy.otlp);
  await stores.open("loki", ports.loki.http);
  const certs = createServer((incoming, response) => {
    response.end(
      running.published.length === 0 || incoming.headers.host !== "example-team.cloudflareaccess.com"
        ? "<html>"
        : JSON.stringify({ keys: running.published.map(({ jwk }) => jwk) }),
    );
  });
  const certsPort = await freePort();
  await new Promise<void>((resolve) => certs.listen(certsPort, "127.0.0.1", resolve));
  // Connections stay open, as cloudflared's do, and are used in turn.
  const agent = new Agent({ keepAlive: true, scheduling: "fifo" });
  let service: ServiceProcess | undefined;
  let printed = "";
  const running: RunningGate = {
    directory,
    places,
    stores,
    published: options.keys ?? [],
    refreshKeys: () =>
      refreshAccessKeys(directory, places.run, central.teamName, {
        url: new URL(`http://127.0.0.1:${certsPort}/cdn-cgi/access/certs`),
      }),
    send: (signal, push) => sendTo(gateSocket(signal, places.run), { agent, ...push }),
    page: async (path) => (await fetch(`http://127.0.0.1:${ports.gate.http}${path}`)).text(),
    start: async () => {
      const { program, args, environment } = gate.command(central, places);
      service = await startService(
        program,
        args,
        `http://127.0.0.1:${ports.gate.http}${gate.readyPath ?? ""}`,
        environment,
      );
    },
    stop: async (patience) => {
      printed += service?.text() ?? "";
      await service?.close(patience);
      service = undefined;
    },
    log: () => printed + (service?.text() ?? ""),
    close: async () => {
      agent.destroy();
      await service?.close(2000);
      await stores.close();
      certs.closeAllConnections();
      await new Promise((resolve) => certs.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
  if (running.published.length > 0) {
    const refreshed = await running.refreshKeys();
    if (!refreshed.ok) {
      throw new Error(JSON.stringify(refreshed.problems));
    }
  }
  await running.start();
  return running;
}
