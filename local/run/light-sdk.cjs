"use strict";
/*
 * Lets both SDKs load in a quarter of their time, for what is started hundreds of times: tests, and local/engine. Not for
 * `pulumi up` and `sitepass`, which are to run what users run.
 */
const { existsSync, readdirSync } = require("node:fs");
const { createRequire } = require("node:module");
const { dirname, join } = require("node:path");

/** Has `exports` taken for what the file would export. */
function putInPlace(filename, exports) {
  require.cache[filename] = { id: filename, filename, loaded: true, exports, children: [], paths: [] };
}

// Pulumi's makes code for Lambda functions with these, which nothing here asks for.
const inPulumi = createRequire(require.resolve("@pulumi/pulumi"));
for (const name of ["./typescript-shim", "@npmcli/arborist"]) {
  putInPlace(inPulumi.resolve(name), {});
}

// Cloudflare's has a hundred products, each of which is loaded here once it is used.
const resources = join(dirname(require.resolve("cloudflare")), "resources");
for (const product of readdirSync(resources)) {
  const filename = join(resources, product, `${product}.js`);
  if (existsSync(filename)) {
    let loaded;
    const load = () => {
      if (loaded === undefined) {
        delete require.cache[filename];
        loaded = require(filename);
      }
      return loaded;
    };
    putInPlace(filename, new Proxy({}, { get: (_, name) => lateClass(() => load()[name]) }));
  }
}

/** Stands for a class; its objects are made when something of them is asked for. */
function lateClass(classOf) {
  return function LateClass(client) {
    let object;
    return new Proxy(this, { get: (_, key) => Reflect.get((object ??= new (classOf())(client)), key) });
  };
}
