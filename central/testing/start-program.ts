import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { freePort, startService, type ServiceProcess } from "../../local/run/processes";
import {
  defaultPorts,
  type CentralHost,
  type CentralProgram,
  type Places,
  type ProgramName,
} from "../central-host";
import { placesBelow } from "./central-hosts";

const programNamesOf = Object.keys(defaultPorts) as ProgramName[];

/** A central host's places in a folder that is gone after the test, on ports that are free. */
export async function freePlaces(context: TestContext): Promise<Places> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-central-"));
  context.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const ports: Record<string, Record<string, number>> = {};
  const taken = new Set<number>();
  const another = async (): Promise<number> => {
    const port = await freePort();
    // A port that was free a moment ago may come once more.
    return taken.has(port) ? another() : (taken.add(port), port);
  };
  for (const name of programNamesOf) {
    ports[name] = {};
    for (const port of Object.keys(defaultPorts[name])) {
      ports[name][port] = await another();
    }
  }
  const places = placesBelow(directory, ports as unknown as typeof defaultPorts);
  for (const folder of [
    places.run,
    places.credentials,
    places.textfiles,
    ...programNamesOf.map((name) => places.programs[name].data),
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  return places;
}

/** Writes a program's files to where it will look for them. */
export function writeFiles(program: CentralProgram, central: CentralHost, places: Places): void {
  for (const { path, content } of program.files(central, places)) {
    const target = join(dirname(places.programs[program.name].files), path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
}

/**
 * Starts a program of the central host from what is rendered, until the test ends.
 *
 * @param binary in place of its name on PATH.
 */
export async function startProgram(
  context: TestContext,
  program: CentralProgram,
  { central, places, binary }: { central: CentralHost; places: Places; binary: string },
): Promise<ServiceProcess & { readonly url: string }> {
  writeFiles(program, central, places);
  const { args, environment } = program.command(central, places);
  const { host, ports } = places.programs[program.name];
  const url = `http://${host}:${ports.http}`;
  // Loki says that it is ready a quarter of a minute after it is.
  const readyPath = program.name === "loki" ? "/loki/api/v1/status/buildinfo" : program.readyPath;
  const service = await startService(
    binary,
    args,
    readyPath === undefined ? undefined : `${url}${readyPath}`,
    environment,
  );
  context.after(() => service.close(5000));
  return { ...service, url };
}
