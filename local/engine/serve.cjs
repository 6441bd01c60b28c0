"use strict";
/*
 * Runs one command after the other for a parent process, by messages: loading the SDKs takes longer than most commands. Each begins
 * with nothing of what the SDK knew for the one before.
 */
require("../../bin/load-typescript.cjs");
require("../run/light-sdk.cjs");
const { join, sep } = require("node:path");
const { setImmediate: nextTurn } = require("node:timers/promises");
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
  void exitCodeOf(() => engine).then(async (exitCode) => {
    process.send({ exitCode, text, ended: exitCode === 0 || (await hasEnded()) });
  });
});

/** Whether nothing of a command that failed goes on: no timer, file or connection is open, but the channel to the parent. */
async function hasEnded() {
  for (let turn = 0; turn < 20; turn += 1) {
    if (process.getActiveResourcesInfo().every((resource) => resource === "PipeWrap")) {
      return true;
    }
    await nextTurn();
  }
  return false;
}

// Each command listens for signals.
process.setMaxListeners(0);
process.on("disconnect", () => process.exit());
