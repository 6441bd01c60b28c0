import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import pMap from "p-map";
import { parseDocument } from "yaml";
import {
  defaultPorts,
  type CentralHost,
  type CentralProgram,
  type Identity,
  type Place,
  type Places,
  type ProgramName,
} from "../../central/central-host";
import { centralPrograms } from "../../central/programs";
import type { SignalName } from "../../fleet/signals";
import { findProgram } from "../programs/programs";
import { freePort, startService, versionOf, type ServiceProcess } from "../run/processes";

/** A central host whose programs run on this machine, from the files that are rendered for it. */
export interface RunningHost {
  readonly places: Places;
  /** What runs, with the first line of what it says of its version. */
  readonly versions: ReadonlyMap<ProgramName, string>;
  /** Where the tunnel's origins are on this machine, for the connector. */
  readonly services: ReadonlyMap<string, string>;
  /** `http://127.0.0.1:PORT` of a program's pages. */
  readonly url: (name: ProgramName) => string;
  /** Stops one program as a crash would, and starts it again when the function that it returns is called. */
  readonly kill: (name: ProgramName) => Promise<() => Promise<void>>;
  /** All that a program printed so far. */
  readonly text: (name: ProgramName) => string;
  readonly close: () => Promise<void>;
}

/** Where a program is on this machine: on PATH, perhaps under Debian's name, or built with `npm run programs`. */
const localPrograms: Readonly<Partial<Record<ProgramName, () => string | undefined>>> = {
  gate: () => onPath("haproxy", "-v"),
  vmagent: () => findProgram("vmagent", "vmagent"),
  prometheus: () => findProgram("prometheus", "prometheus"),
  alloy: () => onPath("alloy"),
  loki: () => findProgram("loki", "loki"),
  alertmanager: () => onPath("prometheus-alertmanager"),
  "node-exporter": () => onPath("prometheus-node-exporter"),
};

const onPath = (program: string, flag?: string): string | undefined =>
  versionOf(program, flag) === undefined ? undefined : program;

/** The programs that this central host needs and this machine cannot run. cloudflared is imitated, and Grafana only shows. */
export function missingPrograms(central: CentralHost): readonly CentralProgram[] {
  return centralPrograms.filter(
    (program) =>
      program.isNeeded(central) &&
      !["cloudflared", "grafana"].includes(program.name) &&
      localPrograms[program.name]?.() === undefined,
  );
}

/**
 * Sets in a copy of the project how its central host tells who pushed: by label where this machine has Alloy, which no registry has;
 * else by Loki's tenants.
 */
export function setIdentity(directory: string, stackName: string): Identity {
  const identity: Identity = localPrograms.alloy?.() === undefined ? "tenant" : "label";
  const path = join(directory, `Pulumi.${stackName}.yaml`);
  const document = parseDocument(readFileSync(path, "utf8"));
  document.setIn(["config", "sitepass:identity"], identity);
  writeFileSync(path, document.toString());
  return identity;
}

/**
 * Renders a central host for loopback and starts what this machine has of it, in order; each is waited for.
 *
 * @param home a folder of its own, which exists and only the owner may enter. The paths of sockets in it must stay short.
 * @param prepare is called when all files are written, before anything is started.
 * @throws with what a program printed when it does not start.
 */
export async function startCentralHost(
  home: string,
  central: CentralHost,
  prepare: (places: Places) => Promise<void> = () => Promise.resolve(),
): Promise<RunningHost> {
  const places = await loopbackPlaces(home);
  const running = new Map<ProgramName, ServiceProcess>();
  const versions = new Map<ProgramName, string>();
  const programs = centralPrograms.flatMap((program) => {
    const path = program.isNeeded(central) ? localPrograms[program.name]?.() : undefined;
    return path === undefined ? [] : [{ ...program, path }];
  });
  for (const folder of [places.run, places.credentials, places.textfiles]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const start = async ({ name, path, readyPath, command }: (typeof programs)[number]): Promise<void> => {
    const { args, environment } = command(central, places);
    const { host, ports } = places.programs[name];
    // Loki waits a quarter of a minute for others to join before it says that it is ready, and takes pushes long before. Behind
    // Alloy the gate goes by what it says.
    const page =
      name === "loki" && central.identity !== "label" ? "/loki/api/v1/status/buildinfo" : readyPath;
    const ready = page === undefined ? undefined : `http://${host}:${ports.http}${page}`;
    running.set(name, await startService(path, args, ready, environment));
  };
  const close = async () => {
    await pMap([...running.values()].reverse(), (service) => service.close(5000));
  };
  for (const { name, files } of programs) {
    mkdirSync(places.programs[name].data, { recursive: true, mode: 0o700 });
    for (const file of files(central, places)) {
      const path = join(home, file.path);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, file.content, { mode: file.mode });
    }
  }
  await prepare(places);
  try {
    for (const program of programs) {
      await start(program);
      const flag = program.name === "gate" ? "-v" : undefined;
      versions.set(program.name, versionOf(program.path, flag) ?? program.title);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    places,
    versions,
    services: new Map(
      central.signals.map(({ signal, origin }) => [origin, serviceOf(signal, central, places)]),
    ),
    url: (name) => `http://${places.programs[name].host}:${places.programs[name].ports.http}`,
    kill: async (name) => {
      await running.get(name)?.close(0);
      running.delete(name);
      const program = programs.find((one) => one.name === name);
      return async () => {
        if (program !== undefined) {
          await start(program);
        }
      };
    },
    text: (name) => running.get(name)?.text() ?? "",
    close: async () => {
      await close();
      rmSync(places.run, { recursive: true, force: true });
    },
  };
}

function serviceOf(signal: SignalName, { identity }: CentralHost, { run, programs }: Places): string {
  if (identity !== "off") {
    return `unix:${run}/${signal}.sock`;
  }
  const { host, ports } = programs[signal === "metrics" ? "prometheus" : "loki"];
  return `http://${host}:${ports.http}`;
}

/** Everything below one folder, on ports that are free. */
async function loopbackPlaces(home: string): Promise<Places> {
  const place = async <Name extends ProgramName>(name: Name): Promise<Place<Name>> => {
    const ports = await pMap(
      Object.keys(defaultPorts[name]),
      async (port) => [port, await freePort()] as const,
    );
    return {
      host: "127.0.0.1",
      bind: "127.0.0.1",
      ports: Object.fromEntries(ports) as Place<Name>["ports"],
      files: join(home, name),
      data: join(home, "data", name),
    };
  };
  return {
    programs: {
      cloudflared: await place("cloudflared"),
      gate: await place("gate"),
      vmagent: await place("vmagent"),
      prometheus: await place("prometheus"),
      alloy: await place("alloy"),
      loki: await place("loki"),
      alertmanager: await place("alertmanager"),
      grafana: await place("grafana"),
      "node-exporter": await place("node-exporter"),
    },
    run: join(home, "run"),
    credentials: join(home, "credentials"),
    textfiles: join(home, "textfiles"),
  };
}
