import type { RenderedFile } from "../collector";
import { headersWith, tenantHeader } from "../common/credentials";
import {
  answerRules,
  bodyLimitBytes,
  noWaitPattern,
  ownWaitPattern,
  retryAfterSeconds,
  strippedHeaders,
} from "./answers";
import { relayRoutes, selinuxNote, type Relay, type RelayInput, type RelayRoute } from "./relay";
import { relayUnit, relayUnits, runtimeDirectoryOf } from "./relay-units";

/** Where Debian and most others keep the system's authorities; nginx takes a file and has no default. */
const systemCaBundle = "/etc/ssl/certs/ca-certificates.crt";

/** Included where a push is passed on: one file, so that a reload never meets half of a new pair. */
const credentialsFile = "credentials/access.conf";

const configurationFile = "relay/nginx.conf";

/** A name that only this file uses, by which nginx tells its second step from its first. */
const secondStep = "edge.sitepass.invalid";

/**
 * A relay of nginx 1.22 or later as every distribution ships it; no further module is needed.
 *
 * nginx looks up Cloudflare's addresses when it starts and when it reloads, with the system's own resolver; a timer reloads it. The
 * directive `resolver` would need the addresses of the site's name servers, gives up kept connections before 1.27.3, and ignores
 * /etc/hosts (docs/facts/collectors.md, K49).
 */
export const nginx: Relay = {
  title: "nginx",
  configurationFile,
  authorities: systemCaBundle,
  // No release of nginx asks a proxy with CONNECT for a way to an upstream.
  refusals: ({ proxy }) =>
    proxy === undefined
      ? []
      : [
          {
            subject: "--relay",
            says: `is nginx, which cannot send through the site's proxy ${proxy}`,
            todo: "Take caddy (relay: caddy in the site's file, or --relay caddy), or no relay",
          },
        ],
  notes: () => [selinuxNote],
  render: (input) => [
    { path: configurationFile, mode: 0o644, content: mainFile(input) },
    { path: "relay/check.conf", mode: 0o644, content: checkFile(input) },
    { path: "relay/steps.conf", mode: 0o644, content: stepsFile(input) },
    {
      path: `relay/${credentialsFile}`,
      mode: 0o600,
      content: Object.entries(headersWith((key) => input.credentials[key]))
        .map(([name, value]) => `proxy_set_header ${name} "${value}";\n`)
        .join(""),
    },
    ...units(input),
  ],
  service: (directory) => ({
    unit: relayUnit,
    // The master process alone reads the credentials; what handles requests runs as the nobody that nginx was built with.
    user: "root",
    validator: {
      program: "nginx",
      // nginx needs a folder for its own files even to check, and the one that the unit makes is not there before the first start.
      args: ["-e", "stderr", "-t", "-p", `${directory}/relay`, "-c", `${directory}/relay/check.conf`],
    },
    rereadsSecrets: true,
  }),
};

function mainFile(input: RelayInput): string {
  return `# Rendered by sitepass: the relay between this site's collector and Cloudflare.
${frame(`${authorities(input)}
${upstreams(input, hostAndPort)}`)}`;
}

function checkFile(input: RelayInput): string {
  return `# Rendered by sitepass: nginx.conf without what depends on the network, for \`nginx -t\`. Nothing runs with it.
${frame(authorities(input) + upstreams(input, () => "127.0.0.1:443"))}`;
}

/** In both files: a check that does not look for the bundle says yes where the relay then does not start. */
const authorities = ({
  caBundle = systemCaBundle,
}: RelayInput): string => `  # Nobody else is told the credentials.
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 5;
  proxy_ssl_trusted_certificate ${caBundle};
`;

/** Relative paths of files that nginx writes are below its \`-p\`, of those that it includes beside the file that does. */
function frame(http: string): string {
  return `
worker_processes 1;
pid nginx.pid;
error_log stderr error;

events {
  # A push takes four. More than 1024 would need more open files than processes may mostly have.
  worker_connections 1000;
}

http {
${http}
  include steps.conf;
}
`;
}

/** One for each signal, which is for each signal's first path. */
const upstreams = (input: RelayInput, addressOf: (base: string) => string): string =>
  relayRoutes(input)
    .filter(({ index }) => index === 0)
    .map(
      ({ signal, base }) => `  upstream ${signal} {
    server ${addressOf(base)} fail_timeout=5s;
    # Given up before the line's NAT forgets them.
    keepalive 8;
    keepalive_timeout 50s;
  }
`,
    )
    .join("");

function hostAndPort(base: string): string {
  const { protocol, hostname, port } = new URL(base);
  const usual = protocol === "https:" ? "443" : "80";
  return `${hostname}:${port === "" ? usual : port}`;
}

/** What the relay does with a push, for the section `http` of a file that defines an upstream for each signal. */
function stepsFile(input: RelayInput): string {
  const { port } = input;
  const routes = relayRoutes(input);
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

# What becomes of an answer: with nothing here it is passed on, @again makes it a 503, which every collector sends again, and
# @never a 400, which none does.
map "$status $upstream_http_content_type" $relay_verdict {
  default @again;
${answerRules.map(({ pattern, verdict }) => `  "~*${pattern}" ${verdict === "pass" ? '""' : `@${verdict}`};`).join("\n")}
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
  error_page 413 = @long;
  location @long {
    return 400 "sitepass relay: the body is longer than ${bodyLimitBytes} bytes\\n";
  }
  error_page 500 502 504 = @failed;
  location @failed {
    return 503 "sitepass relay: the push could not be passed on\\n";
  }
  location @never {
    return 400 "sitepass relay: the edge answered $upstream_http_x_relay_reason: such a push is never taken\\n";
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
${routes.map((route) => secondStepLocation(route, input)).join("")}}
`;
}

function firstStepLocation({ location }: RelayRoute, port: number): string {
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

function secondStepLocation(
  { signal, hostname, base, path, location }: RelayRoute,
  { tenant }: RelayInput,
): string {
  return `
  location = ${location} {
    proxy_pass ${base.startsWith("https:") ? "https" : "http"}://${signal}${path};
    proxy_ssl_name ${hostname};
    proxy_set_header Host ${hostname};
    proxy_set_header Connection "";
${strippedHeaders.map((header) => `    proxy_set_header ${header} "";`).join("\n")}
    include ${credentialsFile};
${tenant === undefined ? "" : `    proxy_set_header ${tenantHeader} "${tenant}";\n`}\
  }
`;
}

function units(input: RelayInput): readonly RenderedFile[] {
  const program = `nginx -e stderr -p ${runtimeDirectoryOf(input)} -c ${input.directory}/relay/nginx.conf`;
  return relayUnits(
    input.directory,
    nginx.title,
    [
      "Type=exec",
      `ExecStart=${program} -g "daemon off;"`,
      "# Fails, and leaves the running relay alone, when the new files are not right.",
      `ExecReload=${program} -t -q`,
      "ExecReload=kill -HUP $MAINPID",
      "# Ends after the pushes under way.",
      "KillSignal=SIGQUIT",
      "KillMode=mixed",
      "TimeoutStopSec=35",
      "# The master reads the credentials as root. Workers run as nobody, and need the way to the bodies that they buffer.",
      "RuntimeDirectoryMode=0711",
      "CapabilityBoundingSet=CAP_CHOWN CAP_KILL CAP_SETGID CAP_SETUID",
    ],
    [
      "# Looks up Cloudflare's addresses anew. When that fails, those that nginx has stay in use.",
      "OnCalendar=*:0/30",
      "RandomizedDelaySec=10min",
    ],
  );
}
