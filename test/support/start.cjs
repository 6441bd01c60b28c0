"use strict";
// What every test file is started with: see scripts/test.ts.
require("../../bin/load-typescript.cjs");
require("../../local/run/light-sdk.cjs");
