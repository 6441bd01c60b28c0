import { gateDirectory } from "../../fleet/config";
import { yamlFile, type YamlObject } from "../../collectors/common/config-text";
import { listOf } from "../../collectors/common/refusals-and-notes";
import { signalNames } from "../../fleet/signals";
import type { CentralProgram, Places, ProgramName } from "../central-host";
import { serviceName, stackTitle } from "../several-stacks";
import { centralImages, imageName } from "./images";
import { placesBy } from "../places";
import { hasFiles, plainFile, secretsOf, type PackagedHost, type Packaging } from "./packaging";

const configuration = "/etc/sitepass";
const textfiles = "/var/lib/sitepass/textfiles";
/** Where Compose mounts a service's secrets. */
const credentials = "/run/secrets";
/** Where node_exporter sees the central host's own file systems. */
const hostRoot = "/host";

/** Everything in a container of its own, which the others find by the program's name. */
const composePlaces = (): Places =>
  placesBy(
    (name) => ({
      host: name,
      bind: "0.0.0.0",
      files: `${configuration}/${name}`,
      data: centralImages[name].data ?? "/tmp",
    }),
    { run: gateDirectory, credentials, textfiles },
  );

/** Docker Compose: containers that cannot write to their images, have no capabilities and publish no port. */
export const compose: Packaging = {
  placesOf: composePlaces,
  render: (host) => [
    composeFile(host),
    plainFile(
      ".env",
      `# Rendered by sitepass. Whose this folder is: all containers but node_exporter's run as this user.
SITEPASS_OWNER=${host.owner.uid}:${host.owner.gid}
`,
    ),
  ],
  runDirectory: (folder) => `${folder}/run`,
  textfiles: (folder) => `${folder}/textfiles`,
  installed: (folder) => folder,
};

/**
 * Secrets are readable to the folder's owner alone, and whoever reads one has to run as them; so do the others, whose images differ in
 * what user they bring and whether it may write to a fresh volume (loki#19904). Data lies in the folder, where `docker compose down
 * --volumes` does not reach it.
 */
const owner = "${SITEPASS_OWNER:?is not set. Start this in the folder that holds .env}";

/** Folders that containers write to, and that Docker would make as root's where they are missing. */
export const writableFolders = (
  programs: readonly CentralProgram[],
): readonly { readonly path: string; readonly mode: number }[] => [
  { path: "run", mode: 0o700 },
  { path: "textfiles", mode: 0o755 },
  ...programs
    .filter(({ name }) => keepsData(name))
    .map(({ name }) => ({ path: `data/${name}`, mode: 0o700 })),
];

const keepsData = (name: ProgramName): boolean => centralImages[name].data !== undefined;

/** Of everything that is compared with `$`, Compose itself would take it for a variable. */
const literal = (text: string): string => text.replaceAll("$", "$$$$");

function composeFile(host: PackagedHost) {
  const { central, programs } = host;
  const names = programs.map(({ name }) => name);
  const networks = networksOf(host);
  const used = networkNames.filter((network) =>
    names.some((name) => (networks[name] ?? []).includes(network)),
  );
  const secrets = [...new Set(programs.flatMap((program) => secretsOf(program, central, compose)))].sort();
  return yamlFile(
    "compose.yaml",
    `The central host of ${stackTitle(central.stackName)}, rendered by sitepass. Start it with \`docker compose up -d\`; README.md tells more. What you change here is lost with the next rendering: put it into compose.override.yaml, which Compose reads too.`,
    {
      name: projectName(central.stackName),
      services: Object.fromEntries(
        programs.map((program) => [
          serviceName(program),
          service(program, host, networks[program.name] ?? []),
        ]),
      ),
      networks: Object.fromEntries(
        used.map((network) => [network, isOpen(network) ? {} : { internal: true }]),
      ),
      ...nonEmpty(
        "secrets",
        secrets.map((name) => [name, { file: `./credentials/${name}` }]),
      ),
    },
  );
}

/** What volumes and networks are called after: letters, digits, dashes and underscores (Compose specification, "name"). */
/** The name by which Docker Compose knows the containers of a host, whatever folder they were started from. */
export const projectName = (stackName: string): string =>
  `sitepass-${stackName.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "-")}`;

const nonEmpty = (key: string, entries: readonly (readonly [string, YamlObject])[]): YamlObject =>
  entries.length === 0 ? {} : { [key]: Object.fromEntries(entries) };

function service(program: CentralProgram, host: PackagedHost, networks: readonly NetworkName[]): YamlObject {
  const { name } = program;
  const { central, programs } = host;
  const image = centralImages[name];
  const places = composePlaces();
  const { args, environment } = program.command(central, places);
  const secrets = secretsOf(program, central, compose);
  const { readyPath } = program;
  const health =
    readyPath === undefined ? undefined : image.health?.(places.programs[name].ports.http, readyPath);
  const rootfs = name === "node-exporter" && !args.some((arg) => arg.startsWith("--path.rootfs"));
  return {
    image: imageName(image),
    // It only looks, at what everybody may see.
    user: name === "node-exporter" ? "65534:65534" : owner,
    entrypoint: [image.program],
    command: [...args, ...listOf(rootfs && `--path.rootfs=${hostRoot}`)].map(literal),
    ...nonEmptyMap("environment", environment),
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    pids_limit: 1024,
    tmpfs: ["/tmp:mode=1777,size=64m,noexec,nosuid,nodev"],
    ...nonEmptyList("volumes", volumes(program, host)),
    ...nonEmptyList("secrets", secrets),
    networks: [...networks],
    ...(reachesThisMachine(host) && networks.includes("out")
      ? { extra_hosts: ["host.docker.internal:host-gateway"] }
      : {}),
    ...nonEmptyList(
      "depends_on",
      dependencies[name].flatMap((other) => programs.filter((one) => one.name === other).map(serviceName)),
    ),
    ...(health === undefined
      ? {}
      : {
          healthcheck: {
            test: ["CMD", ...health],
            interval: "30s",
            timeout: "10s",
            retries: 3,
            start_period: "60s",
          },
        }),
    // Docker itself waits longer after each failure, up to a minute.
    restart: "unless-stopped",
    stop_grace_period: `${image.stopSeconds}s`,
    logging: { driver: "local", options: { "max-size": "20m", "max-file": "5" } },
  };
}

const nonEmptyList = (key: string, list: readonly (string | YamlObject)[]): YamlObject =>
  list.length === 0 ? {} : { [key]: [...list] };

const nonEmptyMap = (key: string, map: Readonly<Record<string, string>>): YamlObject => {
  const entries = Object.entries(map).map(([name, value]) => [name, literal(value)] as const);
  return entries.length === 0 ? {} : { [key]: Object.fromEntries(entries) };
};

/** Other programs that are started before; whatever is missing meanwhile, pushes wait for. */
const dependencies: Readonly<Record<ProgramName, readonly ProgramName[]>> = {
  cloudflared: ["gate", "prometheus", "loki"],
  gate: ["vmagent", "alloy", "prometheus", "loki"],
  vmagent: ["prometheus"],
  prometheus: ["alertmanager"],
  alloy: ["loki"],
  loki: ["alertmanager"],
  alertmanager: [],
  grafana: ["prometheus", "loki"],
  "node-exporter": [],
};

function volumes(program: CentralProgram, { central }: PackagedHost): readonly YamlObject[] {
  const { name } = program;
  const { data } = centralImages[name];
  // A folder that is missing is an error, and not one of root's that nobody can write to.
  const bind = (source: string, target: string, access: "read" | "write"): YamlObject => ({
    type: "bind",
    source,
    target,
    ...(access === "read" ? { read_only: true } : {}),
    bind: { create_host_path: false },
  });
  return listOf<YamlObject>(
    hasFiles(program, central, compose) && bind(`./${name}`, `${configuration}/${name}`, "read"),
    data !== undefined && bind(`./data/${name}`, data, "write"),
    // Sockets are made in it by the gate, and connected to by cloudflared, which needs to write to the sockets alone.
    name === "gate" && bind("./run", gateDirectory, "write"),
    name === "cloudflared" && central.identity !== "off" && bind("./run", gateDirectory, "read"),
    name === "node-exporter" && bind("./textfiles", textfiles, "read"),
    name === "node-exporter" && {
      type: "bind",
      source: "/",
      target: hostRoot,
      read_only: true,
      bind: { propagation: "rslave" },
    },
  );
}

/**
 * - `edge`: cloudflared's way to Cloudflare.
 * - `connector`: to cloudflared's metrics, of the gate, which hands them on; without one, of Prometheus.
 * - `push`: from whoever takes the pushes in to what comes next.
 * - `ready`: to Loki, for the gate to see whether it runs.
 * - `stores`: the stores, what writes to them and what reads them.
 * - `scrape`: Prometheus and what it scrapes beside.
 * - `alerts`: Alertmanager's way out.
 * - `out`: the way to stores elsewhere.
 */
const networkNames = ["edge", "connector", "push", "ready", "stores", "scrape", "alerts", "out"] as const;

type NetworkName = (typeof networkNames)[number];

/** The others lead nowhere but to the containers in them. */
const isOpen = (network: NetworkName): boolean => ["edge", "alerts", "out"].includes(network);

/** Who is in which network. With a gate, cloudflared shares none with what it leads to: sockets lie between. */
function networksOf({ central, programs }: PackagedHost): Partial<Record<ProgramName, NetworkName[]>> {
  const runs = (name: ProgramName) => programs.some((program) => program.name === name);
  const labeller = { metrics: runs("vmagent"), logs: runs("alloy") };
  /** Written to by the gate or cloudflared itself. */
  const isDirect = (signal: keyof typeof labeller) => !labeller[signal];
  const isElsewhere = (signal: keyof typeof labeller) => central.ownStores[signal] !== undefined;
  const gateLeadsOut = signalNames.some((signal) => isDirect(signal) && isElsewhere(signal));
  return {
    cloudflared: listed("edge", "connector", central.identity === "off" && "push"),
    gate: listed(
      "push",
      runs("cloudflared") && "connector",
      runs("alloy") && runs("loki") && "ready",
      runs("prometheus") && "scrape",
      gateLeadsOut && "out",
    ),
    vmagent: listed("push", runs("prometheus") && "stores", isElsewhere("metrics") && "out"),
    alloy: listed("push", (runs("loki") || runs("prometheus")) && "stores", isElsewhere("logs") && "out"),
    prometheus: listed(
      "stores",
      "scrape",
      runs("cloudflared") && !runs("gate") && "connector",
      isDirect("metrics") && !isElsewhere("metrics") && "push",
    ),
    loki: listed("stores", runs("alloy") && "ready", isDirect("logs") && !isElsewhere("logs") && "push"),
    alertmanager: ["stores", "alerts"],
    grafana: listed("stores", signalNames.some(isElsewhere) && "out"),
    "node-exporter": ["scrape"],
  };
}

const listed = (...networks: readonly (NetworkName | false)[]): NetworkName[] => [...listOf(...networks)];

/** Whether a store of the user's own runs on the central host itself, outside of these containers. */
const reachesThisMachine = ({ central }: PackagedHost): boolean =>
  Object.values(central.ownStores).some((store) => store.url.hostname === "host.docker.internal");
