import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findProgram, goModules } from "../local/programs/programs";

// Has actionlint read the workflows, as a part of `npm run check`. Without it the check goes on, and says so: `npm run programs --
// actionlint` builds it, which takes Go and a quarter of a minute.

const actionlint = findProgram("actionlint", "actionlint");
if (actionlint === undefined) {
  console.log(
    `The workflows are not checked: actionlint ${goModules.actionlint.version} is not built. \`npm run programs -- actionlint\` builds it.`,
  );
} else {
  const { status, error } = spawnSync(actionlint, [], { cwd: join(__dirname, ".."), stdio: "inherit" });
  if (error !== undefined) {
    throw error;
  }
  process.exitCode = status ?? 1;
}
