import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Credentials } from "../../collectors/collector";
import { freePort, startService, type ServiceProcess } from "./processes";

/** A proxy that adds the credentials and passes answers on unchanged, for a collector that cannot send headers itself. */
export interface HeaderProxy {
  readonly url: string;
  readonly close: ServiceProcess["close"];
}

/** Starts such a proxy, of nginx, in front of one host of the edge. */
export async function startHeaderProxy(
  directory: string,
  hostUrl: string,
  { clientId, clientSecret }: Credentials,
): Promise<HeaderProxy> {
  mkdirSync(directory, { mode: 0o700, recursive: true });
  chmodSync(directory, 0o700);
  const port = await freePort();
  const config = join(directory, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; pid ${directory}/pid; error_log stderr; events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  server {
    listen 127.0.0.1:${port};
    location = /ready { return 200; }
    location / {
      proxy_pass ${hostUrl};
      proxy_redirect off;
      proxy_set_header CF-Access-Client-Id ${clientId};
      proxy_set_header CF-Access-Client-Secret ${clientSecret};
    }
  }
}
`,
    { mode: 0o600 },
  );
  const url = `http://127.0.0.1:${port}`;
  const { close } = await startService("nginx", ["-p", directory, "-c", config], `${url}/ready`);
  return { url, close };
}
