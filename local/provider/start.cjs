"use strict";
require("../../bin/load-typescript.cjs");
require("../run/light-sdk.cjs");
const { servePlugin } = require("./cloudflare-provider.ts");

void servePlugin();
