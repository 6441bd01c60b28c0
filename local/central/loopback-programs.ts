import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  defaultPorts,
  type CentralHost,
  type CentralProgram,
  type Places,
  type ProgramName,
} from "../../central/central-host";
import type { Ports } from "../../central/places";
import { freePort, startService, type ServiceProcess } from "../run/processes";

/** For every program, ports of this machine that are free. */
export async function freePorts(): Promise<Ports> {
  const taken = new Set<number>();
  const another = async (): Promise<number> => {
    const port = await freePort();
    // A port that was free a moment ago may come once more.
    return taken.has(port) ? another() : (taken.add(port), port);
  };
  const ports: Record<string, Record<string, number>> = {};
  for (const [name, its] of Object.entries(defaultPorts)) {
    ports[name] = {};
    for (const port of Object.keys(its)) {
      ports[name][port] = await another();
    }
  }
  return ports as unknown as Ports;
}

/** Makes the folders that programs share, and those of their data. Only the owner may enter. */
export function makeFolders({ run, credentials, textfiles, programs }: Places): void {
  for (const folder of [run, credentials, textfiles, ...Object.values(programs).map(({ data }) => data)]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
}

/** Writes a program's files to where it will look for them. */
export function writeFiles(program: CentralProgram, central: CentralHost, places: Places): void {
  for (const { path, content, mode } of program.files(central, places)) {
    const target = join(dirname(places.programs[program.name].files), path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    writeFileSync(target, content, { mode });
  }
}

export interface Start {
  readonly central: CentralHost;
  readonly places: Places;
  /** In place of its name on PATH. */
  readonly binary: string;
}

/** `http://127.0.0.1:PORT` of a program's pages. */
export function pagesOf(name: ProgramName, { programs }: Places): string {
  const { host, ports } = programs[name];
  return `http://${host}:${ports.http}`;
}

/**
 * Starts a program of the central host, whose files are written, and waits until it is ready.
 *
 * @param readyPath in place of the program's own, where it is not to be waited for so long. Loki waits a quarter of a minute for others to
 * join before it says that it is ready, and takes pushes long before.
 */
export function runProgram(
  program: CentralProgram,
  { central, places, binary }: Start,
  readyPath = program.name === "loki" ? "/loki/api/v1/status/buildinfo" : program.readyPath,
): Promise<ServiceProcess> {
  const { args, environment } = program.command(central, places);
  const page = readyPath === undefined ? undefined : `${pagesOf(program.name, places)}${readyPath}`;
  return startService(binary, args, page, environment);
}
