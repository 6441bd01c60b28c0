"use strict";
/**
 * Runs the program of the folder it is started in with the ts-node that Pulumi brings, set up as Pulumi's language host
 * does it for a CommonJS program with `options.tsconfig` (@pulumi/pulumi 3.248.0, cmd/run/run.ts), on mocks that answer
 * at once. Prints as JSON what that cost and what was declared.
 *
 * Plain JavaScript, because that ts-node must be the only thing that compiles TypeScript here.
 * Configuration comes as in a real run, in PULUMI_CONFIG.
 */
const { join } = require("node:path");
const process = require("node:process");
const pulumi = require("@pulumi/pulumi");
const tsutils = require("@pulumi/pulumi/tsutils");

const tsconfig = "tsconfig.pulumi.json";

function registerTypeScript() {
  const { tsnodeRequire, typescriptRequire } = tsutils.typeScriptRequireStrings();
  const compilerOptions = tsutils.loadTypeScriptCompilerOptions(tsconfig);
  require(tsnodeRequire).register({
    compiler: typescriptRequire,
    transpileOnly: compilerOptions.noCheck,
    project: tsconfig,
    skipProject: false,
    compilerOptions: {
      target: "ES2020",
      module: "nodenext",
      moduleResolution: "nodenext",
      sourceMap: "true",
      ...compilerOptions,
    },
  });
}

const declared = {};

/** As both look-ups of zones answer: the one by ID, and the list by name. */
const zone = { id: "zone", name: "example.com", account: {} };

async function main() {
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        declared[type] = (declared[type] ?? 0) + 1;
        const made = type.endsWith(":ZeroTrustAccessServiceToken")
          ? {
              clientId: `${name}.access`,
              clientSecret: `secret of ${name}`,
              expiresAt: "2030-01-01T00:00:00Z",
            }
          : { aud: `audience of ${name}` };
        return { id: `id-of-${name}`, state: { ...inputs, ...made } };
      },
      call({ inputs }) {
        return { ...inputs, ...zone, zoneId: zone.id, results: [zone], token: "token" };
      },
    },
    "sitepass",
    "bench",
  );
  registerTypeScript();
  const outputs = await pulumi.runtime.runInPulumiStack(async () =>
    require(join(process.cwd(), "index.ts"))(),
  );
  await pulumi.runtime.disconnect();
  const { user, system } = process.cpuUsage();
  process.stdout.write(
    JSON.stringify({
      cpuSeconds: (user + system) / 1e6,
      // Kilobytes on every platform (libuv).
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
      declared,
      sites: Object.keys(outputs.sites).length,
    }),
  );
}

main().then(() => process.exit(0));
