import { createServer, type RequestListener, type Server } from "node:http";

export interface LoopbackServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Stops listening and ends every connection; a second call changes nothing. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1, and on nothing else; port 0 is any free one. Throws when the port is taken. */
export async function listenOnLoopback(listener: RequestListener, port: number): Promise<LoopbackServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    close: () => (closing ??= close(server)),
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("The server is not listening on a TCP port.");
  }
  return address.port;
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) {
        resolve();
      } else {
        reject(error);
      }
    });
    server.closeAllConnections();
  });
}
