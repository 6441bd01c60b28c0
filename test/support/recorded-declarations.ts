import type { ServiceError } from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb";
import { propertiesOf } from "../../local/engine/properties";

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
  /** Everything that must stand before it, sorted. */
  readonly after: readonly string[];
}

/**
 * Runs declarations on the SDK's mocks and records what is registered. IDs are the logical names with `-id`.
 *
 * Proves what the program asks for, not what an engine or Cloudflare makes of it.
 */
export async function recordDeclarations(declare: () => unknown): Promise<readonly Declaration[]> {
  await pulumi.runtime.setMocks(
    {
      // The SDK fills in the inputs for outputs that are missing.
      newResource: ({ name }) => ({ id: `${name}-id`, state: { aud: `${name}-aud` } }),
      call: () => ({ token: "the tunnel's token" }),
    },
    "sitepass",
    "test",
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
        after: request.getDependenciesList().map(shortUrn).sort(),
      });
      return register(request, callback);
    },
  });
  await pulumi.runtime.runInPulumiStack(() => Promise.resolve(declare()).then(() => undefined));
  await pulumi.runtime.disconnect();
  return declarations.filter(({ resource }) => !resource.startsWith("Stack "));
}

const lastPart = (type: string): string => type.slice(type.lastIndexOf(":") + 1);

function shortUrn(urn: string): string {
  const [, , types = "", name = ""] = urn.split("::");
  const type = lastPart(types.split("$").at(-1) ?? "");
  return urn === "" || type === "Stack" ? "" : `${type} ${name}`;
}
