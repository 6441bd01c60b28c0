"use strict";
// tsx looks into each file that is loaded after it, which takes longer than loading them: the large packages come first.
for (const name of ["@grpc/grpc-js", "cloudflare", "zod"]) {
  require(name);
}
require("tsx/cjs");
const { serve } = require("./cloudflare-provider.ts");

serve();
