import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  agentDirectory,
  agentNames,
  agentPrograms,
  agentTags,
  agentTitle,
  moduleDirectory,
  type AgentName,
} from "./programs";

/**
 * Builds what is not built yet. The folder gets its name last, so that an interrupted build leaves none.
 *
 * @returns whether it is there now.
 */
function build(name: AgentName): boolean {
  const directory = agentDirectory(name);
  if (existsSync(directory)) {
    console.log(`${agentTitle(name)}: is there.`);
    return true;
  }
  console.log(`${agentTitle(name)}: is being built; this takes minutes.`);
  mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  const unfinished = mkdtempSync(`${directory}-`);
  try {
    for (const [program, from] of Object.entries(agentPrograms(name))) {
      // Beside the module's own checksums nothing is trusted: -mod=readonly refuses what go.sum does not hold.
      const { status, error } = spawnSync(
        "go",
        ["build", "-mod=readonly", "-tags", agentTags(name).join(","), "-o", join(unfinished, program), from],
        {
          cwd: moduleDirectory(name),
          stdio: ["ignore", "inherit", "inherit"],
          env: { ...process.env, GOFLAGS: "" },
        },
      );
      if (status !== 0) {
        console.error(
          `${agentTitle(name)}: could not be built (${error === undefined ? `go ended with ${String(status)}` : error.message}).`,
        );
        return false;
      }
    }
    renameSync(unfinished, directory);
    return true;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !agentNames.some((known) => known === name));
if (unknown.length > 0) {
  console.error(`error: ${unknown.join(", ")}: is no agent. Choose ${agentNames.join(", ")}.`);
  process.exitCode = 2;
} else if (spawnSync("go", ["version"]).status !== 0) {
  console.error("error: go: is not on PATH, and these programs are built with it. Install Go 1.26 or later.");
  process.exitCode = 1;
} else {
  const missing = agentNames
    .filter((name) => wanted.length === 0 || wanted.includes(name))
    .filter((name) => !build(name));
  process.exitCode = missing.length === 0 ? 0 : 1;
}
