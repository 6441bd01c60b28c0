#!/usr/bin/env node
"use strict";
// The quick half of tsx alone: `--help` needs no more. What a command loads late comes by `import()`, for which cli/command-line.ts asks.
require("tsx/cjs");
const { run } = require("../cli/command-line.ts");

run(process.argv, async () => {
  const { register } = await import("tsx/esm/api");
  register();
}).then((code) => {
  process.exitCode = code;
});
