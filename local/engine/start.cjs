"use strict";
// tsx looks into each file that is loaded after it, which takes longer than loading them: the large packages come first.
const needsNone = ["output", "--help", "-h"];
if (!process.argv.slice(2).some((argument) => needsNone.includes(argument))) {
  for (const name of ["@pulumi/pulumi", "@pulumi/cloudflare", "cloudflare", "zod", "yaml"]) {
    require(name);
  }
}
require("tsx/cjs");
const { runAndExit } = require("./main.ts");

runAndExit(() => require("./engine.ts"));
