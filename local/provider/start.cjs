"use strict";
require("../../bin/load-typescript.cjs");
const { serve } = require("./cloudflare-provider.ts");

serve();
