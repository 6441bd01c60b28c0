"use strict";
// What the Pulumi CLI starts: one of the two plugins beside this file, with the engine's address as the last argument.
// tsx looks into each file that is loaded after it, which takes longer than loading them: the large packages come first.
const [plugin, engineAddress] = process.argv.slice(2);
require("@grpc/grpc-js");
if (plugin === "cloudflare") {
  for (const name of ["cloudflare", "zod"]) {
    require(name);
  }
}
require("tsx/cjs");
const { serve } = plugin === "cloudflare" ? require("./cloudflare-provider.ts") : require("./language-host.ts");

serve(engineAddress);
