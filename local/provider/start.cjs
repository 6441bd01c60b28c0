"use strict";
require("../../bin/load-typescript.cjs");
require("../run/light-sdk.cjs");
const { serve } = require("./cloudflare-provider.ts");

serve();
