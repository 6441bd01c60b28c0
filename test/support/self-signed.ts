import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Why there is no server with a certificate of its own making; undefined when there can be one. */
export const opensslAbsence: string | undefined =
  spawnSync("openssl", ["version"]).status === 0
    ? undefined
    : "openssl is not on PATH: apt-get install openssl";

/** Starts an HTTPS server on this machine until the test ends, whose certificate nobody vouches for; returns its address. */
export async function startSelfSigned(t: TestContext): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-tls-"));
  t.after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const [key, cert] = [join(home, "key.pem"), join(home, "cert.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-subj", "/CN=prom.example.com", "-days", "1", "-keyout", key, "-out", cert],
  ]);
  if (made.status !== 0) {
    throw new Error(made.stderr.toString());
  }
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the server is not listening on a TCP port");
  }
  return `https://127.0.0.1:${address.port}`;
}
