import { signalNames, type SignalName } from "../../fleet/signals";
import {
  answerRules,
  bodyLimitBytes,
  noWaitPattern,
  ownWaitPattern,
  retryAfterSeconds,
  strippedHeaders,
} from "./answers";
import type { RelayInput, RelayTarget } from "./relay";

/** Included where a push is passed on: one file, so that a reload never meets half of a new pair. */
export const nginxCredentialsFile = "credentials/access.conf";

/** A name that only this file uses, by which nginx tells its second step from its first. */
const secondStep = "edge.sitepass.invalid";

interface Route {
  readonly signal: SignalName;
  readonly target: RelayTarget;
  readonly path: string;
  /** Where the collector pushes. */
  readonly location: string;
}

/** What the relay does with a push, for the section `http` of a file that defines an upstream for each signal. */
export function nginxSteps({ endpoints, port }: RelayInput): string {
  const routes = signalNames.flatMap((signal): Route[] => {
    const target = endpoints[signal];
    return target === undefined
      ? []
      : target.paths.map((path) => ({ signal, target, path, location: `/${signal}${path}` }));
  });
  return `# Rendered by sitepass. A push takes two steps through this nginx. The second, a server of its own name below, sends it to
# Cloudflare with the credentials, and judges the answer by status and type. nginx cannot turn a 200 with a login page into
# an error by itself; but its first step, which proxies to the second, obeys an X-Accel-Redirect in an answer.

access_log off;
server_tokens off;
default_type text/plain;
client_body_temp_path tmp;
proxy_temp_path tmp;
fastcgi_temp_path tmp;
scgi_temp_path tmp;
uwsgi_temp_path tmp;
client_max_body_size ${bodyLimitBytes};
client_body_buffer_size 1m;
keepalive_timeout 75s;

# What becomes of an answer: with nothing here it is passed on, @again makes it a 503, which every collector sends again.
map "$status $upstream_http_content_type" $relay_verdict {
  default @again;
${answerRules.map(({ pattern, passes }) => `  "~*${pattern}" ${passes ? '""' : "@again"};`).join("\n")}
}
map $relay_verdict $relay_type {
  "" $upstream_http_content_type;
  default "";
}
map $relay_verdict $relay_reason {
  "" "";
  default '$status, type "$upstream_http_content_type", cf-mitigated "$upstream_http_cf_mitigated", cf-ray "$upstream_http_cf_ray"';
}
map "$upstream_status $upstream_http_retry_after" $relay_wait {
  default ${retryAfterSeconds};
  "~${ownWaitPattern}" $1;
  "~${noWaitPattern}" "";
}

# The first step, for the collector.
server {
  listen 127.0.0.1:${port} default_server;

  location = /ready {
    return 200 "ready\\n";
  }
${routes.map((route) => firstStepLocation(route, port)).join("")}
  location / {
    return 404 "sitepass relay: nothing is pushed here; the write paths are ${routes.map(({ location }) => location).join(" ")}\\n";
  }
  error_page 413 @long;
  location @long {
    return 413 "sitepass relay: the body is longer than ${bodyLimitBytes} bytes\\n";
  }
  error_page 500 502 504 = @failed;
  location @failed {
    return 503 "sitepass relay: the push could not be passed on\\n";
  }
  location @again {
    add_header Retry-After $relay_wait always;
    return 503 "sitepass relay: the edge answered $upstream_http_x_relay_reason\\n";
  }
}

# The second step, for the first.
server {
  listen 127.0.0.1:${port};
  server_name ${secondStep};

  # Long enough for a slow line, and over before collectors give up after 30 s.
  proxy_connect_timeout 4s;
  proxy_send_timeout 10s;
  proxy_read_timeout 15s;
  # A host's other addresses are tried, and a new connection where a kept one turns out dead. So a push may come twice, as with
  # any retry.
  proxy_next_upstream error timeout non_idempotent;
  proxy_next_upstream_tries 4;
  proxy_next_upstream_timeout 8s;
  proxy_http_version 1.1;
  proxy_ssl_server_name on;
  proxy_ssl_protocols TLSv1.2 TLSv1.3;
  proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;
  proxy_hide_header Set-Cookie;
  # Comes back from the map alone, so that a login page that becomes a 503 does not stay HTML.
  proxy_hide_header Content-Type;
  add_header Content-Type $relay_type always;
  add_header X-Accel-Redirect $relay_verdict always;
  add_header X-Relay-Reason $relay_reason always;

  error_page 500 502 504 = @silent;
  location @silent {
    # A header of its own, though an empty one is never sent: it keeps those above away.
    add_header X-Relay-Reason "";
    return 503 "sitepass relay: no answer from the edge\\n";
  }
${routes.map(secondStepLocation).join("")}}
`;
}

function firstStepLocation({ location }: Route, port: number): string {
  return `
  location = ${location} {
    # Only a browser sends an Origin: a page that pushes to this machine's loopback.
    if ($http_origin) {
      return 403 "sitepass relay: no pushes from web pages\\n";
    }
    if ($request_method != POST) {
      return 405 "sitepass relay: a push is a POST\\n";
    }
    proxy_pass http://127.0.0.1:${port}${location};
    proxy_set_header Host ${secondStep};
    proxy_http_version 1.1;
    proxy_connect_timeout 2s;
    proxy_read_timeout 25s;
  }
`;
}

function secondStepLocation({ signal, target, path, location }: Route): string {
  const { hostname, base } = target;
  return `
  location = ${location} {
    proxy_pass ${base.startsWith("https:") ? "https" : "http"}://${signal}${path};
    proxy_ssl_name ${hostname};
    proxy_set_header Host ${hostname};
    proxy_set_header Connection "";
${strippedHeaders.map((header) => `    proxy_set_header ${header} "";`).join("\n")}
    include ${nginxCredentialsFile};
  }
`;
}
