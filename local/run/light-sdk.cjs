"use strict";
/*
 * Lets Pulumi's SDK load in a quarter of its time, without TypeScript and npm's Arborist. It makes code for Lambda functions with
 * them, which nothing here asks for. Not for `pulumi up`, which is to run what users run.
 */
const { createRequire } = require("node:module");

const inSdk = createRequire(require.resolve("@pulumi/pulumi"));
for (const name of ["./typescript-shim", "@npmcli/arborist"]) {
  const filename = inSdk.resolve(name);
  require.cache[filename] = { id: filename, filename, loaded: true, exports: {}, children: [], paths: [] };
}
