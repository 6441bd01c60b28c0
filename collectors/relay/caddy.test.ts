import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderRelay } from "./relay";
import { fullRelay, metricsRelay } from "../testing/sites";

const contentOf = (path: string, input = metricsRelay): string | undefined =>
  renderRelay("caddy", input).find((file) => file.path === path)?.content;

describe("caddy", () => {
  it("renders one file for all but the credentials", () => {
    assert.equal(
      contentOf("relay/Caddyfile"),
      `# Rendered by sitepass: the relay between this site's collector and Cloudflare.
{
	# Tells whoever asks it the credentials, so it listens in a folder that is the relay's alone, and on no port.
	admin unix//run/sitepass-relay/admin.sock
	auto_https off
	grace_period 30s
	servers {
		protocols h1
	}
}

# What becomes of an answer of the edge: it is passed on, or made a 503, which every collector sends again.
(judge) {
	map "{rp.status_code} {rp.header.Content-Type}" {verdict} {
		"~(?i)^413 " pass
		"~(?i)^[0-9]+ (?:text/html|application/xhtml)" again
		"~(?i)^(?:2[0-9][0-9]|400|409|415|422) " pass
		default again
	}
	map "{rp.status_code} {rp.header.Retry-After}" {wait} {
		"~^[0-9]+ ([1-9][0-9]?)$" "\${1}"
		"~^5" none
		default 15
	}
	# Empty where the answer has no such header.
	map "{rp.header.Content-Type}|{rp.header.Cf-Mitigated}|{rp.header.Cf-Ray}" {type} {mitigated} {ray} {
		"~^(.*)[|](.*)[|](.*)$" "\${1}" "\${2}" "\${3}"
	}
	@pass vars {verdict} pass
	handle @pass {
		copy_response
	}
	handle {
		@wait not vars {wait} none
		header @wait Retry-After {wait}
		respond "sitepass relay: the edge answered {rp.status_code}, type \\"{type}\\", cf-mitigated \\"{mitigated}\\", cf-ray \\"{ray}\\"" 503
	}
}

http://:9480 {
	bind 127.0.0.1

	handle /ready {
		respond "ready" 200
	}

	# Only a browser sends an Origin: a page that pushes to this machine's loopback.
	@page header Origin *
	handle @page {
		respond "sitepass relay: no pushes from web pages" 403
	}

	@metrics0 path_regexp ^/metrics/api/v1/write$
	handle @metrics0 {
		@other not method POST
		handle @other {
			respond "sitepass relay: a push is a POST" 405
		}
		handle {
			rewrite * /api/v1/write
			request_body {
				max_size 16000000
			}
			reverse_proxy https://prom.example.com {
				header_up Host prom.example.com
				header_up -Cookie
				header_up -CF-Access-Token
				header_up -CF-Access-Jwt-Assertion
				header_up -CF-Access-Authenticated-User-Email
				header_up -X-Forwarded-*
				import credentials/access.caddy
				header_down -Set-Cookie
				transport http {
					# HTTP/2 would keep all pushes on one connection, and go on with it long after the line has lost it.
					versions 1.1
					# Long enough for a slow line, and over before collectors give up after 30 s.
					dial_timeout 4s
					write_timeout 10s
					response_header_timeout 15s
					# Given up before the line's NAT forgets them.
					keepalive 50s
					tls_server_name prom.example.com
					tls_timeout 4s
				}
				handle_response {
					import judge
				}
			}
		}
	}

	# Caddy would answer 200.
	handle {
		respond "sitepass relay: nothing is pushed here; the write paths are /metrics/api/v1/write" 404
	}

	handle_errors {
		# A body that turns out too long on its way is an error of the way otherwise.
		@long expression \`{http.error.status_code} == 413 || {http.error.message}.contains("request body too large")\`
		handle @long {
			respond "sitepass relay: the body is longer than 16000000 bytes" 413
		}
		handle {
			respond "sitepass relay: no answer from the edge" 503
		}
	}
}
`,
    );
  });

  it("renders the credentials apart", () => {
    assert.equal(
      contentOf("relay/credentials/access.caddy"),
      `header_up CF-Access-Client-Id "88bf3b6d86161464f6509f7219099e57.access"
header_up CF-Access-Client-Secret "cfast_0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3d4"
`,
    );
  });

  it("renders each path of each signal", () => {
    const ways = contentOf("relay/Caddyfile", fullRelay)?.match(
      /(?:@\w+ path_regexp .*|rewrite .*|reverse_proxy .*|header_up Host .*|tls_server_name .*)$/gm,
    );
    assert.deepEqual(ways, [
      "@metrics0 path_regexp ^/metrics/api/v1/write$",
      "rewrite * /api/v1/write",
      "reverse_proxy https://prom.example.com {",
      "header_up Host prom.example.com",
      "tls_server_name prom.example.com",
      "@logs0 path_regexp ^/logs/loki/api/v1/push$",
      "rewrite * /loki/api/v1/push",
      "reverse_proxy https://loki.example.com {",
      "header_up Host loki.example.com",
      "tls_server_name loki.example.com",
      "@logs1 path_regexp ^/logs/otlp/v1/logs$",
      "rewrite * /otlp/v1/logs",
      "reverse_proxy https://loki.example.com {",
      "header_up Host loki.example.com",
      "tls_server_name loki.example.com",
    ]);
  });

  it("trusts other authorities than the system's where it is told to", () => {
    const content = contentOf("relay/Caddyfile", { ...metricsRelay, caBundle: "/etc/pki/tls/cert.pem" });
    assert.match(content ?? "", /^\t+tls_trusted_ca_certs \/etc\/pki\/tls\/cert\.pem$/m);
  });

  it("takes a dot in a path for a dot", () => {
    const input = {
      ...metricsRelay,
      endpoints: {
        metrics: {
          hostname: "prom.example.com",
          base: "https://prom.example.com",
          paths: ["/v1.0/write"] as const,
        },
      },
    };
    assert.match(contentOf("relay/Caddyfile", input) ?? "", /path_regexp \^\/metrics\/v1\\\.0\/write\$$/m);
  });
});
