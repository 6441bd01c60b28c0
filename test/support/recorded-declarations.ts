import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceError } from "@grpc/grpc-js";
import type { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb";
import { copyProject } from "../../local/run/project-stack";
import { propertiesOf } from "../../local/engine/properties";
import * as pulumi from "@pulumi/pulumi";

/** A resource as it was registered, with the options that mocks do not see. */
export interface Declaration {
  /** The type's last part and the logical name, such as `DnsRecord metrics`. */
  readonly resource: string;
  /** The parent's last part and logical name; empty for those directly below the stack. */
  readonly parent: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly deletedWith: string;
  /** What it is made anew with, sorted. */
  readonly replaceWith: readonly string[];
  /** Everything that must stand before it, sorted. */
  readonly after: readonly string[];
}

export interface ProgramInputs {
  /** File texts by site name. */
  readonly sites: Readonly<Record<string, string>>;
  /** By key, without the namespace. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Default `test`. */
  readonly stackName?: string;
}

/**
 * Runs index.ts itself, on a copy of the project with other sites, on the SDK's mocks, and records what is registered. IDs
 * are the logical names with `-id`.
 *
 * Proves what the program asks for, not what an engine or Cloudflare makes of it.
 */
export async function recordProgram(inputs: ProgramInputs): Promise<readonly Declaration[]> {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-declarations-"));
  const limit = Error.stackTraceLimit;
  try {
    copyProject(directory);
    const folder = join(directory, "sites");
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    for (const [name, text] of Object.entries(inputs.sites)) {
      writeFileSync(join(folder, `${name}.yaml`), text);
    }
    const configuration = Object.entries({ preflight: false, ...inputs.configuration });
    return await recordDeclarations(inputs.stackName ?? "test", () => {
      pulumi.runtime.setAllConfig(
        Object.fromEntries(
          configuration.map(([key, value]) => [
            `sitepass:${key}`,
            typeof value === "string" ? value : JSON.stringify(value),
          ]),
        ),
      );
      return programIn(directory)();
    });
  } finally {
    // The program gives up stack traces.
    Error.stackTraceLimit = limit;
    Reflect.deleteProperty(Error, "prepareStackTrace");
    rmSync(directory, { recursive: true, force: true });
  }
}

function programIn(directory: string): () => Promise<unknown> {
  const program: unknown = createRequire(__filename)(join(directory, "index.ts"));
  if (!isProgram(program)) {
    throw new Error("index.ts exports the program as a function");
  }
  return program;
}

const isProgram = (exported: unknown): exported is () => Promise<unknown> => typeof exported === "function";

/** What the account's look-ups answer. */
const lookUps: Readonly<Record<string, object>> = {
  "cloudflare:index/getZones:getZones": { results: [{ id: "zone", name: "example.com" }] },
  "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken": {
    token: "the tunnel's token",
  },
};

async function recordDeclarations(
  stackName: string,
  declare: () => Promise<unknown>,
): Promise<readonly Declaration[]> {
  await pulumi.runtime.setMocks(
    {
      // The SDK fills in the inputs for outputs that are missing.
      newResource: ({ name }) => ({ id: `${name}-id`, state: { aud: `${name}-aud` } }),
      call: ({ token }) => {
        const answer = lookUps[token];
        if (answer === undefined) {
          throw new Error(`no answer is known for ${token}`);
        }
        return answer;
      },
    },
    "sitepass",
    stackName,
  );
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined) {
    throw new Error("setMocks installs a monitor");
  }
  const declarations: Declaration[] = [];
  const register = monitor.registerResource.bind(monitor);
  Object.assign(monitor, {
    registerResource(
      request: RegisterResourceRequest,
      callback: (error: ServiceError | null, response: RegisterResourceResponse) => void,
    ) {
      declarations.push({
        resource: `${lastPart(request.getType())} ${request.getName()}`,
        parent: shortUrn(request.getParent()),
        inputs: propertiesOf(request.getObject()),
        protect: request.getProtect() ?? false,
        deleteBeforeReplace: request.getDeletebeforereplace(),
        deletedWith: shortUrn(request.getDeletedwith()),
        replaceWith: request.getReplaceWithList().map(shortUrn).sort(),
        after: request.getDependenciesList().map(shortUrn).sort(),
      });
      return register(request, callback);
    },
  });
  await pulumi.runtime.runInPulumiStack(() => declare().then(() => undefined));
  await pulumi.runtime.disconnect();
  return declarations.filter(({ resource }) => !resource.startsWith("Stack "));
}

const lastPart = (type: string): string => type.slice(type.lastIndexOf(":") + 1);

function shortUrn(urn: string): string {
  const [, , types = "", name = ""] = urn.split("::");
  const type = lastPart(types.split("$").at(-1) ?? "");
  return urn === "" || type === "Stack" ? "" : `${type} ${name}`;
}
