import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderRelay } from "./relay";
import { fullRelay, metricsRelay } from "../testing/sites";

const contentOf = (path: string, input = metricsRelay): string | undefined =>
  renderRelay("nginx", input).find((file) => file.path === path)?.content;

describe("nginx", () => {
  it("renders what depends on the machine and the network", () => {
    assert.equal(
      contentOf("relay/nginx.conf"),
      `# Rendered by sitepass: the relay between this site's collector and Cloudflare.

worker_processes 1;
pid nginx.pid;
error_log stderr error;

events {
  # A push takes four. More than 1024 would need more open files than processes may mostly have.
  worker_connections 1000;
}

http {
  # Nobody else is told the credentials.
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 5;
  proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;

  upstream metrics {
    server prom.example.com:443 fail_timeout=5s;
    # Given up before the line's NAT forgets them.
    keepalive 8;
    keepalive_timeout 50s;
  }

  include steps.conf;
}
`,
    );
  });

  it("renders the same without it, to be checked anywhere", () => {
    assert.equal(
      contentOf("relay/check.conf"),
      `# Rendered by sitepass: nginx.conf without what depends on the machine and the network, for \`nginx -t\`. Nothing runs with it.

worker_processes 1;
pid nginx.pid;
error_log stderr error;

events {
  # A push takes four. More than 1024 would need more open files than processes may mostly have.
  worker_connections 1000;
}

http {
  upstream metrics {
    server 127.0.0.1:443 fail_timeout=5s;
    # Given up before the line's NAT forgets them.
    keepalive 8;
    keepalive_timeout 50s;
  }

  include steps.conf;
}
`,
    );
  });

  it("renders the two steps of a push", () => {
    assert.equal(
      contentOf("relay/steps.conf"),
      `# Rendered by sitepass. A push takes two steps through this nginx. The second, a server of its own name below, sends it to
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
client_max_body_size 16000000;
client_body_buffer_size 1m;
keepalive_timeout 75s;

# What becomes of an answer: with nothing here it is passed on, @again makes it a 503, which every collector sends again.
map "$status $upstream_http_content_type" $relay_verdict {
  default @again;
  "~*^413 " "";
  "~*^[0-9]+ (?:text/html|application/xhtml)" @again;
  "~*^(?:2[0-9][0-9]|400|409|415|422) " "";
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
  default 15;
  "~^[0-9]+ ([1-9][0-9]?)$" $1;
  "~^5" "";
}

# The first step, for the collector.
server {
  listen 127.0.0.1:9480 default_server;

  location = /ready {
    return 200 "ready\\n";
  }

  location = /metrics/api/v1/write {
    # Only a browser sends an Origin: a page that pushes to this machine's loopback.
    if ($http_origin) {
      return 403 "sitepass relay: no pushes from web pages\\n";
    }
    if ($request_method != POST) {
      return 405 "sitepass relay: a push is a POST\\n";
    }
    proxy_pass http://127.0.0.1:9480/metrics/api/v1/write;
    proxy_set_header Host edge.sitepass.invalid;
    proxy_http_version 1.1;
    proxy_connect_timeout 2s;
    proxy_read_timeout 25s;
  }

  location / {
    return 404 "sitepass relay: nothing is pushed here; the write paths are /metrics/api/v1/write\\n";
  }
  error_page 413 @long;
  location @long {
    return 413 "sitepass relay: the body is longer than 16000000 bytes\\n";
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
  listen 127.0.0.1:9480;
  server_name edge.sitepass.invalid;

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

  location = /metrics/api/v1/write {
    proxy_pass https://metrics/api/v1/write;
    proxy_ssl_name prom.example.com;
    proxy_set_header Host prom.example.com;
    proxy_set_header Connection "";
    proxy_set_header Cookie "";
    proxy_set_header CF-Access-Token "";
    proxy_set_header CF-Access-Jwt-Assertion "";
    proxy_set_header CF-Access-Authenticated-User-Email "";
    include credentials/access.conf;
  }
}
`,
    );
  });

  it("renders the credentials apart", () => {
    assert.equal(
      contentOf("relay/credentials/access.conf"),
      `proxy_set_header CF-Access-Client-Id "88bf3b6d86161464f6509f7219099e57.access";
proxy_set_header CF-Access-Client-Secret "cfast_0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3d4";
`,
    );
  });

  it("renders each signal's own upstream, and each path's two locations", () => {
    const upstreams = contentOf("relay/nginx.conf", fullRelay)?.match(/^ *(?:upstream|server) .*$/gm);
    assert.deepEqual(upstreams, [
      "  upstream metrics {",
      "    server prom.example.com:443 fail_timeout=5s;",
      "  upstream logs {",
      "    server loki.example.com:443 fail_timeout=5s;",
    ]);
    const ways = contentOf("relay/steps.conf", fullRelay)?.match(
      /(?:location = \/(?:metrics|logs).*|proxy_pass .*|Host .*|proxy_ssl_name .*)$/gm,
    );
    assert.deepEqual(ways, [
      "location = /metrics/api/v1/write {",
      "proxy_pass http://127.0.0.1:9480/metrics/api/v1/write;",
      "Host edge.sitepass.invalid;",
      "location = /logs/loki/api/v1/push {",
      "proxy_pass http://127.0.0.1:9480/logs/loki/api/v1/push;",
      "Host edge.sitepass.invalid;",
      "location = /logs/otlp/v1/logs {",
      "proxy_pass http://127.0.0.1:9480/logs/otlp/v1/logs;",
      "Host edge.sitepass.invalid;",
      "location = /metrics/api/v1/write {",
      "proxy_pass https://metrics/api/v1/write;",
      "proxy_ssl_name prom.example.com;",
      "Host prom.example.com;",
      "location = /logs/loki/api/v1/push {",
      "proxy_pass https://logs/loki/api/v1/push;",
      "proxy_ssl_name loki.example.com;",
      "Host loki.example.com;",
      "location = /logs/otlp/v1/logs {",
      "proxy_pass https://logs/otlp/v1/logs;",
      "proxy_ssl_name loki.example.com;",
      "Host loki.example.com;",
    ]);
  });

  it("trusts other authorities than the system's where it is told to", () => {
    const content = contentOf("relay/nginx.conf", { ...metricsRelay, caBundle: "/etc/pki/tls/cert.pem" });
    assert.match(content ?? "", /^ {2}proxy_ssl_trusted_certificate \/etc\/pki\/tls\/cert\.pem;$/m);
  });
});
