import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CollectorService, Credentials } from "../collectors/collector";
import { problemText, UserError, type Result } from "../fleet/problem";
import type { SitePlan } from "./plan-site";

/** What a collector's own validator made of the rendered files. */
export interface Validation {
  readonly program: string;
  readonly outcome: "passed" | "failed" | "absent";
  /** What it printed, where that matters. */
  readonly says: string;
}

/** Of the shape of real ones, and worth nothing: a validator may print what it reads. */
const placeholderCredentials: Credentials = {
  clientId: "00000000000000000000000000000000.access",
  clientSecret: `cfast_${"0".repeat(48)}`,
};

/** In milliseconds. Validators read a few files; one that takes longer waits for something. */
const defaultTimeout = 60_000;

/** What a program needs to start here. The rest, such as API tokens and passphrases, is none of a validator's business. */
const inherited = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"] as const;

/**
 * Runs the validators of a site's files on a copy with placeholders for the credentials, made for a folder that is
 * deleted afterwards: the real files' absolute paths are right at the site alone.
 *
 * @param planFor plans the site for another folder and other credentials.
 * @param timeout after so many milliseconds a validator is stopped, and has failed.
 */
export async function runValidators(
  planFor: (directory: string, credentials: Credentials) => Result<SitePlan>,
  abort: AbortSignal,
  timeout = defaultTimeout,
): Promise<readonly Validation[]> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-check-"));
  try {
    const plan = planFor(directory, placeholderCredentials);
    if (!plan.ok) {
      throw new UserError([
        {
          subject: "--check",
          says: `makes a copy below ${tmpdir()}, and for that folder ${plan.problems.map(problemText).join(" ").replace(/\.$/, "")}`,
          todo: "Set TMPDIR to another one",
        },
      ]);
    }
    for (const { path, mode, content } of plan.value.files) {
      mkdirSync(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
      writeFileSync(join(directory, path), content, { mode });
    }
    const validations: Validation[] = [];
    for (const { validator } of plan.value.services) {
      validations.push(await runValidator(validator, directory, abort, timeout));
      abort.throwIfAborted();
    }
    return validations;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runValidator(
  { program, args }: CollectorService["validator"],
  directory: string,
  abort: AbortSignal,
  timeout: number,
): Promise<Validation> {
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    NO_COLOR: "1",
  };
  const options = { cwd: directory, timeout, killSignal: "SIGKILL", signal: abort, env } as const;
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const says = (stdout + stderr).replaceAll(`${directory}/`, "").trim();
      if (error === null) {
        resolve({ program, outcome: "passed", says });
      } else if (error.code === "ENOENT") {
        resolve({ program, outcome: "absent", says: "" });
      } else {
        // A text is the system's code: it could not be started.
        const { code, signal, killed } = error;
        const ending = killed
          ? `did not end within ${timeout / 1000} s`
          : typeof code === "string"
            ? error.message
            : `ended with ${signal ?? code ?? "nothing"}`;
        resolve({
          program,
          outcome: "failed",
          says: says === "" || killed ? [ending, says].filter(Boolean).join(": ") : says,
        });
      }
    });
    child.stdin?.end();
  });
}
