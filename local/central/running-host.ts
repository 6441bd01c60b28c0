import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pMap from "p-map";
import { parseDocument } from "yaml";
import type { CentralHost, CentralProgram, Identity, Places, ProgramName } from "../../central/central-host";
import { programsOf } from "../../central/programs";
import { placesBelow } from "../../central/places";
import { freePorts, makeFolders, pagesOf, runProgram, writeFiles } from "./loopback-programs";
import { gateSocket } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import { findProgram, goModules } from "../programs/programs";
import { versionOf, type ServiceProcess } from "../run/processes";

/** A central host whose programs run on this machine, from the files that are rendered for it. */
export interface RunningHost {
  readonly places: Places;
  /** What runs, with what is known of its version. */
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
const localPrograms: Readonly<Partial<Record<ProgramName, () => LocalProgram | undefined>>> = {
  gate: () => onPath("haproxy", "-v"),
  vmagent: () => built("vmagent"),
  prometheus: () => built("prometheus"),
  alloy: () => onPath("alloy"),
  loki: () => built("loki"),
  alertmanager: () => onPath("prometheus-alertmanager"),
  "node-exporter": () => onPath("prometheus-node-exporter"),
};

interface LocalProgram {
  readonly binary: string;
  readonly version: string;
}

function onPath(binary: string, flag?: string): LocalProgram | undefined {
  const version = versionOf(binary, flag);
  return version === undefined ? undefined : { binary, version };
}

/** It does not know its version: that is put in by the makefiles of its project. */
function built(name: "vmagent" | "prometheus" | "loki"): LocalProgram | undefined {
  const binary = findProgram(name, name);
  return binary === undefined ? undefined : { binary, version: goModules[name].title };
}

/** The programs that this central host needs and this machine cannot run. cloudflared is imitated, and Grafana only shows. */
export function missingPrograms(central: CentralHost): readonly CentralProgram[] {
  return programsOf(central).filter(
    ({ name }) => !["cloudflared", "grafana"].includes(name) && localPrograms[name]?.() === undefined,
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
  const places = placesBelow(home, await freePorts());
  const running = new Map<ProgramName, ServiceProcess>();
  const versions = new Map<ProgramName, string>();
  const programs = programsOf(central).flatMap((program) => {
    const found = localPrograms[program.name]?.();
    return found === undefined ? [] : [{ program, ...found }];
  });
  makeFolders(places);
  const start = async ({ program, binary }: (typeof programs)[number]): Promise<void> => {
    // Behind Alloy the gate goes by what Loki says of itself.
    const readyPath = central.identity === "label" ? program.readyPath : undefined;
    running.set(program.name, await runProgram(program, { central, places, binary }, readyPath));
  };
  const close = async () => {
    await pMap([...running.values()].reverse(), (service) => service.close(5000));
  };
  for (const { program } of programs) {
    writeFiles(program, central, places);
  }
  await prepare(places);
  try {
    for (const found of programs) {
      await start(found);
      versions.set(found.program.name, found.version);
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
    url: (name) => pagesOf(name, places),
    kill: async (name) => {
      await running.get(name)?.close(0);
      running.delete(name);
      const found = programs.find(({ program }) => program.name === name);
      return async () => {
        if (found !== undefined) {
          await start(found);
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

function serviceOf(signal: SignalName, { identity }: CentralHost, places: Places): string {
  if (identity !== "off") {
    return `unix:${gateSocket(signal, places.run)}`;
  }
  return pagesOf(signal === "metrics" ? "prometheus" : "loki", places);
}
