"use strict";
// For a parent process that has the Pulumi CLI talk to this one: a provider on a port of its own for each environment that it sends.
require("../../bin/load-typescript.cjs");
require("../run/light-sdk.cjs");
const { serve } = require("./cloudflare-provider.ts");

process.on("message", (environment) => {
  serve({ ...process.env, ...environment }).then(
    (port) => process.send({ port }),
    (error) => process.send({ failed: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
