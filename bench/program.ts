import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { z } from "zod";
import { copyProject } from "../local/run/project-stack";

/**
 * What the program itself costs, without engine and provider: to be loaded as Pulumi loads it, to validate its input,
 * and to declare 1, 10, 100 and 1000 sites. Exit code 1 when 1000 sites need more than the limits below.
 */
const fleetSizes = [1, 10, 100, 1000];
const mostCpuSeconds = 4;
const mostMegabytes = 400;

const resultSchema = z.object({
  cpuSeconds: z.number(),
  peakMegabytes: z.number(),
  declared: z.record(z.string(), z.number()),
  sites: z.number(),
});

const configuration = {
  "sitepass:accountId": "0123456789abcdef0123456789abcdef",
  "sitepass:zone": "example.com",
  "sitepass:endpoints": JSON.stringify({
    metrics: { hostname: "prom.example.com" },
    logs: { hostname: "loki.example.com" },
  }),
  "sitepass:publish": JSON.stringify({ tunnel: { name: "bench" } }),
  "sitepass:teamName": "bench",
  "sitepass:serviceTokenLimit": "1000",
  // The look at the account is a network call, which is not what is measured.
  "sitepass:preflight": "false",
};

function measure(sites: number): z.infer<typeof resultSchema> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-bench-"));
  try {
    copyProject(directory);
    for (const file of readdirSync(join(directory, "sites"))) {
      rmSync(join(directory, "sites", file));
    }
    for (let number = 1; number <= sites; number += 1) {
      writeFileSync(
        join(directory, "sites", `site-${String(number).padStart(4, "0")}.yaml`),
        `description: Site ${number}\nlabels: { region: emea }\n`,
      );
    }
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(__dirname, "pulumi-host.cjs")], {
      cwd: directory,
      env: { ...process.env, PULUMI_CONFIG: JSON.stringify(configuration) },
      encoding: "utf8",
    });
    if (status !== 0) {
      throw new Error(`the program failed with ${sites} sites:\n${stderr}${stdout}`);
    }
    return resultSchema.parse(JSON.parse(stdout));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const table = new Table({
  head: ["sites", "CPU s", "peak MB", "resources"],
  style: { head: [], border: [] },
});
for (const size of fleetSizes) {
  const { cpuSeconds, peakMegabytes, declared } = measure(size);
  const resources = Object.values(declared).reduce((sum, count) => sum + count, 0);
  table.push([size, cpuSeconds.toFixed(2), peakMegabytes.toFixed(0), resources]);
  if (size === 1000 && (cpuSeconds > mostCpuSeconds || peakMegabytes > mostMegabytes)) {
    process.exitCode = 1;
  }
}
console.log(table.toString());
console.log(`Limits for 1000 sites: ${mostCpuSeconds} s of CPU, ${mostMegabytes} MB.`);
