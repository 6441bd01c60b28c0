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

const configurationFile = "relay/Caddyfile";

/** The pair that is imported where a push is passed on: one file, so that a reload never meets half of a new pair. */
const credentialsFile = "credentials/access.caddy";

/**
 * A relay of Caddy 2.6 or later, without plugins. It looks up Cloudflare's addresses whenever it connects, so no timer
 * reloads it.
 */
export const caddy: Relay = {
  title: "Caddy",
  configurationFile,
  refusals: () => [],
  notes: ({ proxy }) =>
    proxy === undefined
      ? [selinuxNote]
      : [
          selinuxNote,
          "Caddy sends through a proxy since 2.10 only, which its own package repository has. Earlier releases, such as Debian's 2.6, refuse these files.",
        ],
  render: (input) => [
    { path: configurationFile, mode: 0o644, content: configuration(input) },
    {
      path: `relay/${credentialsFile}`,
      mode: 0o600,
      content: Object.entries(headersWith((key) => input.credentials[key]))
        .map(([name, value]) => `header_up ${name} "${value}"\n`)
        .join(""),
    },
    ...units(input),
  ],
  service: (directory) => ({
    unit: relayUnit,
    // Caddy's packages make it.
    user: "caddy",
    validator: {
      program: "caddy",
      args: ["validate", "--adapter", "caddyfile", "--config", `${directory}/relay/Caddyfile`],
    },
    rereadsSecrets: true,
  }),
};

function configuration(input: RelayInput): string {
  const routes = relayRoutes(input);
  return `# Rendered by sitepass: the relay between this site's collector and Cloudflare.
{
	# Tells whoever asks it the credentials, so it listens in a folder that is the relay's alone, and on no port.
	admin ${adminAddress(input)}
	auto_https off
	grace_period 30s
	servers {
		protocols h1
	}
}

# What becomes of an answer of the edge: it is passed on, or made a 503, which every collector sends again, or a 400, which none does.
(judge) {
	map "{rp.status_code} {rp.header.Content-Type}" {verdict} {
${answerRules.map(({ pattern, verdict }) => `		"~(?i)${pattern}" ${verdict}`).join("\n")}
		default again
	}
	map "{rp.status_code} {rp.header.Retry-After}" {wait} {
		"~${ownWaitPattern}" "\${1}"
		"~${noWaitPattern}" none
		default ${retryAfterSeconds}
	}
	# Empty where the answer has no such header.
	map "{rp.header.Content-Type}|{rp.header.Cf-Mitigated}|{rp.header.Cf-Ray}" {type} {mitigated} {ray} {
		"~^(.*)[|](.*)[|](.*)$" "\${1}" "\${2}" "\${3}"
	}
	@pass vars {verdict} pass
	handle @pass {
		copy_response
	}
	@never vars {verdict} never
	handle @never {
		respond "sitepass relay: the edge answered {rp.status_code}, type \\"{type}\\", cf-mitigated \\"{mitigated}\\", cf-ray \\"{ray}\\": such a push is never taken" 400
	}
	handle {
		@wait not vars {wait} none
		header @wait Retry-After {wait}
		respond "sitepass relay: the edge answered {rp.status_code}, type \\"{type}\\", cf-mitigated \\"{mitigated}\\", cf-ray \\"{ray}\\"" 503
	}
}

http://:${input.port} {
	bind 127.0.0.1

	handle /ready {
		respond "ready" 200
	}

	# Only a browser sends an Origin: a page that pushes to this machine's loopback.
	@page header Origin *
	handle @page {
		respond "sitepass relay: no pushes from web pages" 403
	}
${routes.map((route) => handler(route, input)).join("")}
	# Caddy would answer 200.
	handle {
		respond "sitepass relay: nothing is pushed here; the write paths are ${routes.map(({ location }) => location).join(" ")}" 404
	}

	handle_errors {
		# A body that turns out too long on its way is an error of the way otherwise.
		@long expression \`{http.error.status_code} == 413 || {http.error.message}.contains("request body too large")\`
		handle @long {
			respond "sitepass relay: the body is longer than ${bodyLimitBytes} bytes" 400
		}
		handle {
			respond "sitepass relay: no answer from the edge" 503
		}
	}
}
`;
}

/** The path is matched as it is written, with case, and goes on as it is configured whatever its spelling. */
function handler(route: RelayRoute, { caBundle, proxy, tenant }: RelayInput): string {
  const { hostname, base, path, location } = route;
  const matcher = `@${route.signal}${route.index}`;
  const tls = [
    `tls_server_name ${hostname}`,
    "tls_timeout 4s",
    ...(caBundle === undefined ? [] : [`tls_trusted_ca_certs ${caBundle}`]),
  ];
  const transport = [
    "# HTTP/2 would keep all pushes on one connection, and go on with it long after the line has lost it.",
    "versions 1.1",
    "# Long enough for a slow line, and over before collectors give up after 30 s.",
    "dial_timeout 4s",
    "write_timeout 10s",
    "response_header_timeout 15s",
    "# Given up before the line's NAT forgets them.",
    "keepalive 50s",
    // Not by the environment, which releases before 2.10 misread: they dial the host all the same (docs/facts/collectors.md, K57).
    ...(proxy === undefined ? [] : [`network_proxy url ${proxy}`]),
    ...(base.startsWith("https:") ? tls : []),
  ];
  return `
	${matcher} path_regexp ^${location.replaceAll(".", "\\.")}$
	handle ${matcher} {
		@other not method POST
		handle @other {
			respond "sitepass relay: a push is a POST" 405
		}
		handle {
			rewrite * ${path}
			request_body {
				max_size ${bodyLimitBytes}
			}
			reverse_proxy ${base} {
				header_up Host ${hostname}
${[...strippedHeaders, "X-Forwarded-*"].map((header) => `				header_up -${header}`).join("\n")}
				import ${credentialsFile}
${tenant === undefined ? "" : `				header_up ${tenantHeader} "${tenant}"\n`}\
				header_down -Set-Cookie
				transport http {
${transport.map((line) => `					${line}`).join("\n")}
				}
				handle_response {
					import judge
				}
			}
		}
	}
`;
}

const adminAddress = (input: RelayInput): string => `unix/${runtimeDirectoryOf(input)}/admin.sock`;

function units(input: RelayInput): readonly RenderedFile[] {
  const runtimeDirectory = runtimeDirectoryOf(input);
  const files = `--adapter caddyfile --config ${input.directory}/relay/Caddyfile`;
  return relayUnits(input.directory, caddy.title, [
    "Type=notify",
    "User=caddy",
    "Group=caddy",
    "# Caddy saves its configuration, credentials included, and may do so here alone: in memory.",
    `Environment=XDG_CONFIG_HOME=${runtimeDirectory} XDG_DATA_HOME=${runtimeDirectory}`,
    `ExecStart=caddy run ${files}`,
    "# Fails, and leaves the running relay alone, when the new files are not right.",
    `ExecReload=caddy reload ${files} --address ${adminAddress(input)}`,
    "TimeoutStopSec=35",
    "RuntimeDirectoryMode=0700",
    "CapabilityBoundingSet=",
  ]);
}
