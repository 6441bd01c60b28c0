import type { IncomingMessage } from "node:http";

/** The whole body of a request or an answer; undefined when it is longer than the limit. Rejects when it ends early. */
export function readBody(message: IncomingMessage, limit = Infinity): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        chunks.length = 0;
        resolve(undefined);
      } else {
        chunks.push(chunk);
      }
    });
    message.on("end", () => {
      resolve(Buffer.concat(chunks));
    });
    message.on("error", reject);
    message.on("close", () => {
      reject(new Error("the body ended early"));
    });
  });
}
