import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CollectorService, Credentials } from "../collectors/collector";
import { UserError } from "../fleet/problem";
import type { SitePlan } from "./plan-site";

/** What an agent's own validator made of the rendered files. */
export interface Validation {
  readonly program: string;
  readonly outcome: "passed" | "failed" | "absent";
  /** What it printed, where that matters. */
  readonly says: string;
}

/** Of the shape of real ones, and worth nothing: a validator may print what it reads. */
export const placeholderCredentials: Credentials = {
  clientId: "00000000000000000000000000000000.access",
  clientSecret: `cfast_${"0".repeat(48)}`,
};

/** Validators read a few files; one that takes longer waits for something. */
const timeoutMilliseconds = 60_000;

/**
 * Runs the validators of a site's files on a copy with placeholders for the credentials, made for a folder that is
 * deleted afterwards: the real files' absolute paths are right at the site alone.
 *
 * @param planFor plans the site for another folder and other credentials.
 */
export async function runValidators(
  planFor: (directory: string, credentials: Credentials) => SitePlan,
  signal: AbortSignal,
): Promise<readonly Validation[]> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-check-"));
  try {
    const { files, services, refusals } = planFor(directory, placeholderCredentials);
    if (refusals.length > 0) {
      throw new UserError([
        `--check: makes a copy below ${tmpdir()}, and for that folder ${refusals.join(" ")} Set TMPDIR to another one.`,
      ]);
    }
    for (const { path, mode, content } of files) {
      mkdirSync(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
      writeFileSync(join(directory, path), content, { mode });
    }
    const validations: Validation[] = [];
    for (const { validator } of services) {
      validations.push(await runValidator(validator, directory, signal));
    }
    return validations;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runValidator(
  { program, args }: CollectorService["validator"],
  directory: string,
  signal: AbortSignal,
): Promise<Validation> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMilliseconds,
      signal,
      env: { ...process.env, NO_COLOR: "1" },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
    }
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") {
        resolve({ program, outcome: "absent", says: "" });
      } else if (error.name === "AbortError") {
        reject(error);
      } else {
        resolve({ program, outcome: "failed", says: error.message });
      }
    });
    child.on("close", (code, killed) => {
      const says = text.replaceAll(`${directory}/`, "").trim();
      resolve(
        code === 0
          ? { program, outcome: "passed", says }
          : {
              program,
              outcome: "failed",
              says: says === "" ? `ended with ${code ?? killed ?? "nothing"}` : says,
            },
      );
    });
  });
}
