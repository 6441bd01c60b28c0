import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  freePorts,
  makeFolders,
  pagesOf,
  runProgram,
  writeFiles,
  type Start,
} from "../../local/central/loopback-programs";
import type { ServiceProcess } from "../../local/run/processes";
import type { CentralProgram, Places } from "../central-host";
import { placesBelow } from "../places";

/** A central host's places in a folder that is gone after the test, on ports that are free. */
export async function freePlaces(context: TestContext): Promise<Places> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-central-"));
  context.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const places = placesBelow(directory, await freePorts());
  makeFolders(places);
  return places;
}

/** Writes a program's files and runs it until the test ends. */
export async function startProgram(
  context: TestContext,
  program: CentralProgram,
  start: Start,
): Promise<ServiceProcess & { readonly url: string }> {
  writeFiles(program, start.central, start.places);
  const service = await runProgram(program, start);
  context.after(() => service.close(5000));
  return { ...service, url: pagesOf(program.name, start.places) };
}
