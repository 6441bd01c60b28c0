import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import { UserError } from "../../fleet/problem";
import { DemoFailed, runDemo } from "./demo";

/** @returns the exit code: 0 all as the README says, 1 something was not, 130 stopped. */
async function main(): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-demo-"));
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      stopping.abort();
    });
  }
  // Whoever reads may stop reading, as in `npm run demo | head`.
  process.stdout.on("error", () => {
    stopping.abort();
  });
  process.on("exit", () => {
    rmSync(home, { recursive: true, force: true });
  });
  try {
    await runDemo(home, stopping.signal);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) {
      console.error("Stopped.");
      return 130;
    }
    if (!(error instanceof DemoFailed || error instanceof UserError)) {
      throw error;
    }
    console.error(`${pc.red("error:")} ${error.message}`);
    return 1;
  }
}

void main().then((code) => {
  process.exitCode = code;
});
