import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { goModule, goModules, moduleDirectory, programsDirectory, type GoModuleName } from "./programs";

const moduleNames = Object.keys(goModules) as GoModuleName[];

/**
 * Builds what is not built yet. The folder gets its name last, so that an interrupted build leaves none.
 *
 * @returns whether it is there now.
 */
function build(name: GoModuleName): boolean {
  const { title, programs, tags, ldflags = "" } = goModule(name);
  const directory = programsDirectory(name);
  if (existsSync(directory)) {
    console.log(`${title}: is built already.`);
    return true;
  }
  console.log(`${title}: is being built, which takes minutes.`);
  mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  const unfinished = mkdtempSync(`${directory}-`);
  try {
    for (const [program, from] of Object.entries(programs)) {
      // Only what the module's own checksums cover is trusted: -mod=readonly refuses everything else.
      const { status, error } = spawnSync(
        "go",
        [
          "build",
          "-mod=readonly",
          "-tags",
          tags.join(","),
          "-ldflags",
          ldflags,
          "-o",
          join(unfinished, program),
          from,
        ],
        {
          cwd: moduleDirectory(name),
          stdio: ["ignore", "inherit", "inherit"],
          env: { ...process.env, GOFLAGS: "" },
        },
      );
      if (status !== 0) {
        console.error(
          `${title}: could not be built (${error === undefined ? `go ended with ${String(status)}` : error.message}).`,
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
const unknown = wanted.filter((name) => !moduleNames.some((known) => known === name));
if (unknown.length > 0) {
  console.error(`error: ${unknown.join(", ")}: cannot be built here. Choose from ${moduleNames.join(", ")}.`);
  process.exitCode = 2;
} else if (spawnSync("go", ["version"]).status !== 0) {
  console.error("error: go: is not on PATH, and these programs are built with it. Install Go 1.26 or later.");
  process.exitCode = 1;
} else {
  const missing = moduleNames
    .filter((name) => wanted.length === 0 || wanted.includes(name))
    .filter((name) => !build(name));
  process.exitCode = missing.length === 0 ? 0 : 1;
}
