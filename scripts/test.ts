import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { findPulumi } from "../local/run/pulumi-installation";

/**
 * Runs every `*.test.ts` below the project, or only those whose path contains one of the arguments.
 *
 * Node 20's own test runner does not find TypeScript files, and shells differ in how they expand patterns.
 */
const root = join(__dirname, "..");
const [first, ...others] = process.argv.slice(2);
/** `--every-fault`: runs are killed at every single API call, which takes many minutes. */
const everyFault = first === "--every-fault";
if (everyFault) {
  process.env.SITEPASS_EVERY_FAULT = "1";
}
/** `--bridged`: fails where Pulumi's own Cloudflare provider is not installed, instead of using the one of local/provider. */
const bridgedDemanded = first === "--bridged";
/** `--real-engine`: scenarios run on pulumi too, where it is there. */
const realEngine = bridgedDemanded || first === "--real-engine";
if (realEngine) {
  process.env.SITEPASS_REAL_ENGINE = "1";
}
const wanted = realEngine || everyFault || first === undefined ? others : [first, ...others];
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((file) => !relative(root, file).startsWith("node_modules"))
  .filter((file) => wanted.length === 0 || wanted.some((part) => relative(root, file).includes(part)))
  .sort((one, other) => place(one) - place(other) || (one < other ? -1 : 1));

/** Long ones come first, so that no core is left with one at the end; of these, those that mostly wait. */
function place(file: string): number {
  const order = [
    /(outage|backlog)\.test\.ts$/,
    /(faults|lifecycle|central-host)\.test\.ts$/,
    /\/test\/(scenarios|programs)\//,
    /\/test\//,
  ];
  const found = order.findIndex((pattern) => pattern.test(file.replaceAll("\\", "/")));
  return found < 0 ? order.length : found;
}

/** Of the folders that projects in tests link: a test that writes there changes all others, and the repository. */
function digestOfProgram(): string {
  const hash = createHash("sha256");
  for (const folder of ["cloudflare", "fleet", "provision"]) {
    for (const name of readdirSync(join(root, folder)).filter((one) => one.endsWith(".ts"))) {
      hash.update(readFileSync(join(root, folder, name)));
    }
  }
  return hash.digest("hex");
}

// What was compiled once is not compiled again for each file; by Node 22 and later, and not by 20.
process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules", ".cache", "sitepass-tests");

const pulumi = bridgedDemanded ? findPulumi() : undefined;
if (pulumi !== undefined && !(pulumi.available && pulumi.pulumi.provider === "bridged")) {
  const reason = pulumi.available ? pulumi.pulumi.reason : pulumi.reason;
  console.error(
    `error: Pulumi's own Cloudflare provider is not installed: ${reason}. Run \`pulumi plugin install resource cloudflare\`.`,
  );
  process.exitCode = 1;
} else if (files.length === 0) {
  console.error(`No test file's path contains ${wanted.join(" or ")}.`);
  process.exitCode = 1;
} else {
  const before = digestOfProgram();
  // More than there are cores, because some wait most of their time.
  const results = run({ files, concurrency: availableParallelism() + 3 });
  results.on("test:fail", () => {
    process.exitCode = 1;
  });
  results.on("end", () => {
    if (digestOfProgram() !== before) {
      console.error(
        "error: cloudflare/, fleet/ or provision/: changed while the tests ran, which run them as they are. Look at `git diff`: if nobody edited them, a test wrote through the links of its project (local/run/project-stack.ts).",
      );
      process.exitCode = 1;
    }
  });
  const reporter = new spec();
  results.pipe(reporter).pipe(process.stdout);
}
