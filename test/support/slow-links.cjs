"use strict";
// Required by a process that a test kills between two files: each new link is followed by a pause.
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");

const { linkSync } = fs;
fs.linkSync = (...paths) => {
  linkSync(...paths);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
};
syncBuiltinESMExports();
