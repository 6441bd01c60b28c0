"use strict";
require("../../bin/load-typescript.cjs");
require("../run/light-sdk.cjs");
const { runAndExit } = require("./main.ts");

void runAndExit(() => require("./engine.ts"));
