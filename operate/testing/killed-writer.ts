import { orThrow } from "../../fleet/problem";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import { join } from "node:path";
import { readSiteFiles } from "../../fleet/site-files";
import { parseConfig } from "../../fleet/config";
import { resolveSites } from "../../fleet/sites";
import { prepareEdits, writeEdits } from "../site-file/site-file-edits";

const loader = join(__dirname, "..", "..", "bin", "load-typescript.cjs");

const steps = ["open", "chmod", "chown", "rename", "rm"] as const;
const fileSteps = ["writeFile", "sync"] as const;

/**
 * For tests: shuts out every site of a folder, in a process that kills itself before its n-th step on the disk.
 *
 * @returns whether it came to that.
 */
export async function killedBeforeStep(n: number, directory: string): Promise<boolean> {
  const child = spawn(process.execPath, ["--require", loader, __filename, String(n), directory], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  await once(child, "exit");
  if (child.signalCode !== "SIGKILL" && child.exitCode !== 0) {
    throw new Error(`the writer ended with ${child.exitCode ?? child.signalCode ?? "nothing"}`);
  }
  return child.signalCode === "SIGKILL";
}

async function writeAndDie(n: number, directory: string): Promise<void> {
  const config = orThrow(
    parseConfig({
      "sitepass:accountId": "0123456789abcdef0123456789abcdef",
      "sitepass:zone": "example.com",
      "sitepass:endpoints": '{ "metrics": { "hostname": "prom.example.com" } }',
      "sitepass:publish": '{ "tunnel": { "name": "central" } }',
    }),
  );
  const files = orThrow(readSiteFiles(join(directory, "sites")));
  const { edits } = await prepareEdits(
    directory,
    resolveSites(files, config).map((site) => ({ site, changes: { enabled: false } })),
  );
  await dieBeforeStep(n);
  await writeEdits(edits);
}

/** Counts every call that changes something on the disk. */
async function dieBeforeStep(n: number): Promise<void> {
  let step = 0;
  const counted = (object: object, name: string) => {
    const original: unknown = Reflect.get(object, name);
    if (typeof original !== "function") {
      throw new Error(`there is no ${name}`);
    }
    Reflect.set(object, name, function (this: unknown, ...args: unknown[]): unknown {
      step += 1;
      if (step === n) {
        process.kill(process.pid, "SIGKILL");
      }
      const result: unknown = Reflect.apply(original, this, args);
      return result;
    });
  };
  const any = await fs.open(__filename);
  const handle: unknown = Object.getPrototypeOf(any);
  await any.close();
  if (typeof handle !== "object" || handle === null) {
    throw new Error("a file handle has no prototype");
  }
  for (const name of fileSteps) {
    counted(handle, name);
  }
  for (const name of steps) {
    counted(fs, name);
  }
}

if (require.main === module) {
  const [, , n, directory = ""] = process.argv;
  void writeAndDie(Number(n), directory);
}
