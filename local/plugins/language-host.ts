import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import {
  GetRequiredPackagesResponse,
  RunResponse,
  type GetRequiredPackagesRequest,
  type ProgramInfo,
  type RunRequest,
} from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { z } from "zod";
import { goModules } from "../programs/programs";
import { answering, servePlugin } from "./plugin-server";

/** How the SDK ends a program whose error it has shown already (@pulumi/pulumi 3.248.0, cmd/run/index.ts). */
const exitCodeOfShownError = 32;

/** The options of Pulumi.yaml's runtime that are followed; others are refused, because they would be left out in silence. */
const optionsSchema = z.strictObject({
  typescript: z.boolean().default(true),
  tsconfig: z.string().optional(),
});

/** A package whose resources come from a plugin says so in its manifest. */
const manifestSchema = z.object({
  version: z.string(),
  pulumi: z.object({ name: z.string(), version: z.string().optional() }),
});

/**
 * Serves the language host of Node.js, which the Pulumi CLI brings along, and which is no Go module that can be had: it
 * starts the SDK's own runner with the arguments and variables that the CLI's own one gives it
 * (pulumi/pulumi, sdk/nodejs/cmd/pulumi-language-nodejs/main.go).
 */
export function serve(engineAddress: string): void {
  servePlugin(LanguageRuntimeService, {
    getPluginInfo: answering(() => {
      const info = new PluginInfo();
      info.setVersion(goModules.pulumi.version);
      return info;
    }),
    getRequiredPackages: answering((request: GetRequiredPackagesRequest) => {
      const response = new GetRequiredPackagesResponse();
      response.setPackagesList([requiredPackage(programDirectory(request.getInfo()))]);
      return response;
    }),
    run: answering(async (request: RunRequest) => {
      const response = new RunResponse();
      const code = await runProgram(request, engineAddress);
      if (code === exitCodeOfShownError) {
        response.setBail(true);
      } else if (code !== 0) {
        response.setError(`Program exited with non-zero exit code: ${code}`);
      }
      return response;
    }),
  });
}

const programDirectory = (info: ProgramInfo | undefined): string =>
  info?.getProgramDirectory() ?? process.cwd();

function requiredPackage(directory: string): PackageDependency {
  const path = join(directory, "node_modules", "@pulumi", "cloudflare", "package.json");
  const { version, pulumi } = manifestSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  const required = new PackageDependency();
  required.setName(pulumi.name);
  required.setKind("resource");
  required.setVersion(pulumi.version ?? version);
  return required;
}

/** @returns the program's exit code. */
function runProgram(request: RunRequest, engineAddress: string): Promise<number> {
  const info = request.getInfo();
  const directory = programDirectory(info);
  const options = optionsSchema.parse((info?.getOptions() as Struct | undefined)?.toJavaScript() ?? {});
  const flags = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info?.getRootDirectory() ?? directory,
    stack: request.getStack(),
    pwd: request.getPwd(),
    parallel: String(request.getParallel()),
  };
  const child: ChildProcess = spawn(
    process.execPath,
    [
      createRequire(join(directory, "index.js")).resolve("@pulumi/pulumi/cmd/run"),
      ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      directory,
      ...request.getArgsList(),
    ],
    {
      cwd: directory,
      // What it prints, the CLI shows.
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toArray())),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        PULUMI_NODEJS_TYPESCRIPT: String(options.typescript),
        ...(options.tsconfig === undefined
          ? {}
          : { PULUMI_NODEJS_TSCONFIG_PATH: join(directory, options.tsconfig) }),
      },
    },
  );
  // It would go on for ever without an engine to talk to.
  process.once("exit", () => child.kill("SIGKILL"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve(code ?? 1);
    });
  });
}
