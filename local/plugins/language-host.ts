import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import manifest from "@pulumi/cloudflare/package.json";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import { GetRequiredPackagesResponse, RunResponse, type RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { goModules } from "../programs/programs";
import { answering, servePlugin } from "./plugin-server";

/** How the SDK ends a program whose error it has shown already (@pulumi/pulumi 3.248.0, cmd/run/index.ts). */
const exitCodeOfShownError = 32;

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
    getRequiredPackages: answering(() => {
      const cloudflare = new PackageDependency();
      cloudflare.setName("cloudflare");
      cloudflare.setKind("resource");
      // A copy of the project has its packages from here.
      cloudflare.setVersion(manifest.version);
      const response = new GetRequiredPackagesResponse();
      response.setPackagesList([cloudflare]);
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

/** The options of Pulumi.yaml's runtime that are followed. Others are refused: they would be left out in silence. */
function environmentFor(
  options: Readonly<Record<string, unknown>>,
  directory: string,
): Record<string, string> {
  const { typescript = true, tsconfig, ...others } = options;
  if (Object.keys(others).length > 0) {
    throw new Error(
      `Pulumi.yaml: runtime.options: ${Object.keys(others).join(", ")} cannot be followed here.`,
    );
  }
  return {
    PULUMI_NODEJS_TYPESCRIPT: String(typescript),
    ...(typeof tsconfig === "string" ? { PULUMI_NODEJS_TSCONFIG_PATH: join(directory, tsconfig) } : {}),
  };
}

/** @returns the program's exit code. */
function runProgram(request: RunRequest, engineAddress: string): Promise<number> {
  const info = request.getInfo();
  const directory = info?.getProgramDirectory() ?? request.getPwd();
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
        ...environmentFor(info?.getOptions()?.toJavaScript() ?? {}, directory),
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
