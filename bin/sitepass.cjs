#!/usr/bin/env node
"use strict";
const satisfies = require("semver/functions/satisfies");
const { engines } = require("../package.json");

// Older ones fail somewhere inside, with a stack trace.
if (!satisfies(process.version, engines.node)) {
  process.stderr.write(
    `error: Node.js: is ${process.version}, and sitepass needs ${engines.node}. Install that, for example from https://nodejs.org.\n`,
  );
  process.exit(1);
}
// The quick half of tsx: `--help` needs no more. What a command loads late comes by `import()`, for which cli/command-line.ts asks.
require("./load-typescript.cjs");
const { run } = require("../cli/command-line.ts");

run(process.argv, async () => {
  const { register } = await import("tsx/esm/api");
  register();
}).then((code) => {
  process.exitCode = code;
});
