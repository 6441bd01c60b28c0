import { signalNames, type SignalName } from "../../fleet/signals";
import { nginxSteps, nginxCredentialsFile } from "./nginx-steps";
import { relayUnit, relayUnits, runtimeDirectoryOf } from "./relay-units";
import type { Relay, RelayInput, RelayTarget } from "./relay";

/** Where Debian and most others keep the system's authorities; nginx takes a file and has no default. */
const systemCaBundle = "/etc/ssl/certs/ca-certificates.crt";

/**
 * A relay of nginx 1.22 or later as every distribution ships it; no further module is needed.
 *
 * nginx looks up Cloudflare's addresses when it starts and when it reloads, with the system's own resolver, and a timer reloads it. Its
 * own `resolver` would need the addresses of the site's name servers, gives up kept connections before 1.27.3, and
 * ignores /etc/hosts.
 */
export const nginx: Relay = {
  render: (input) => {
    const { clientId, clientSecret } = input.credentials;
    return [
      { path: "relay/nginx.conf", mode: 0o644, content: mainFile(input) },
      { path: "relay/check.conf", mode: 0o644, content: checkFile(input) },
      { path: "relay/steps.conf", mode: 0o644, content: nginxSteps(input) },
      {
        path: `relay/${nginxCredentialsFile}`,
        mode: 0o600,
        content: `proxy_set_header CF-Access-Client-Id "${clientId}";
proxy_set_header CF-Access-Client-Secret "${clientSecret}";
`,
      },
      ...units(input),
    ];
  },
  service: (directory) => ({
    unit: relayUnit,
    // The master process alone reads the credentials; what handles requests runs as the nobody that nginx was built with.
    user: "root",
    validator: {
      program: "nginx",
      // Where nginx puts its own files even to check: the folder that the unit makes is not there before the first start.
      args: ["-e", "stderr", "-t", "-p", `${directory}/relay`, "-c", `${directory}/relay/check.conf`],
    },
    rereadsSecrets: true,
  }),
};

function mainFile(input: RelayInput): string {
  return `# Rendered by sitepass: the relay between this site's collector and Cloudflare.
${frame(`  # Nobody else is told the credentials.
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 5;
  proxy_ssl_trusted_certificate ${input.caBundle ?? systemCaBundle};

${upstreams(input, hostAndPort)}`)}`;
}

function checkFile(input: RelayInput): string {
  return `# Rendered by sitepass: nginx.conf without what depends on the machine and the network, for \`nginx -t\`. Nothing runs with it.
${frame(upstreams(input, () => "127.0.0.1:443"))}`;
}

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

function upstreams({ endpoints }: RelayInput, addressOf: (target: RelayTarget) => string): string {
  return signalNames
    .flatMap((signal) => {
      const target = endpoints[signal];
      return target === undefined ? [] : [upstream(signal, addressOf(target))];
    })
    .join("");
}

function upstream(signal: SignalName, address: string): string {
  return `  upstream ${signal} {
    server ${address} fail_timeout=5s;
    # Given up before the line's NAT forgets them.
    keepalive 8;
    keepalive_timeout 50s;
  }
`;
}

function hostAndPort({ base }: RelayTarget): string {
  const { protocol, hostname, port } = new URL(base);
  const usual = protocol === "https:" ? "443" : "80";
  return `${hostname}:${port === "" ? usual : port}`;
}

function units(input: RelayInput): ReturnType<typeof relayUnits> {
  const program = `nginx -e stderr -p ${runtimeDirectoryOf(input)} -c ${input.directory}/relay/nginx.conf`;
  return relayUnits(input.directory, {
    title: "nginx",
    service: [
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
    timer: [
      "# Looks up Cloudflare's addresses anew. When that fails, those that nginx has stay in use.",
      "OnCalendar=*:0/30",
      "RandomizedDelaySec=10min",
    ],
  });
}
