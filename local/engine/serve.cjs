"use strict";
/*
 * Runs one command after the other for a parent process, by messages: loading the SDKs takes longer than most commands. Each begins
 * with nothing of what the SDK knew for the one before.
 */
require("../../bin/load-typescript.cjs");
require("../run/light-sdk.cjs");
const { join, sep } = require("node:path");
const { LocalStore } = require("@pulumi/pulumi/runtime/state");
const engine = require("./engine.ts");
const { exitCodeOf } = require("./main.ts");

const root = join(__dirname, "..", "..") + sep;

process.on("message", ({ args, environment }) => {
  process.argv = [process.execPath, __filename, ...args];
  process.env = environment;
  // index.ts, of which each project has one.
  for (const file of Object.keys(require.cache)) {
    if (!file.startsWith(root)) {
      delete require.cache[file];
    }
  }
  let text = "";
  const write = (chunk) => {
    text += String(chunk);
    return true;
  };
  process.stdout.write = write;
  process.stderr.write = write;
  globalThis.globalStore = new LocalStore();
  void exitCodeOf(() => engine).then((exitCode) => process.send({ exitCode, text }));
});
// Each command listens for signals.
process.setMaxListeners(0);
process.on("disconnect", () => process.exit());
