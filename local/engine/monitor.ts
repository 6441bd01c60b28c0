import { credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { runtime } from "@pulumi/pulumi";
import { CallbacksClient } from "@pulumi/pulumi/proto/callback_grpc_pb";
import { CallbackInvokeRequest } from "@pulumi/pulumi/proto/callback_pb";
import { InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import {
  RegisterResourceResponse,
  ResourceHookRequest,
  ResourceHookResponse,
  type RegisterResourceHookRequest,
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  type ResourceInvokeRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { DeploymentStopped, type Deployment, type Goal, type HookCall } from "./deployment";
import { propertiesOf, structOf, type Properties } from "./properties";
import { UrnScheme } from "./state";

type Callback<T> = (error: ServiceError | null, response?: T) => void;

export interface MonitorOptions {
  readonly project: string;
  readonly stack: string;
  readonly preview: boolean;
  readonly deployment: Deployment;
  readonly hooks: ResourceHooks;
  readonly invoke: (token: string, args: Properties) => Promise<Properties>;
}

/**
 * Connects the SDK to the deployment by way of its testing hooks.
 *
 * `setMocks` alone hands over type, name and inputs; options such as `protect` and `dependsOn`, the stack's outputs and
 * hooks never reach the mocks. So the calls of the monitor that it installs are answered here instead.
 */
export async function connectMonitor({
  project,
  stack,
  preview,
  deployment,
  hooks,
  invoke,
}: MonitorOptions): Promise<void> {
  const unused = () => Promise.reject(new Error("the mock monitor's own calls are not used"));
  // The organization that the CLI gives to stacks whose state is a file (pulumi/pulumi, pkg/backend/diy).
  await runtime.setMocks({ newResource: unused, call: unused }, project, stack, preview, "organization");
  const urns = new UrnScheme(project, stack);
  Object.assign(runtime.getMonitor() ?? {}, {
    registerResource(request: RegisterResourceRequest, callback: Callback<RegisterResourceResponse>) {
      const urn = urns.of(request.getParent(), request.getType(), request.getName());
      answer(callback, async () => {
        const state = await deployment.register({
          urn,
          type: request.getType(),
          name: request.getName(),
          custom: request.getCustom(),
          parent: request.getParent(),
          inputs: propertiesOf(request.getObject()),
          dependencies: request.getDependenciesList(),
          protect: request.getProtect() ?? false,
          deletedWith: request.getDeletedwith(),
          deleteBeforeReplace: request.getDeletebeforereplace(),
          ignoreChanges: request.getIgnorechangesList(),
          ...hookNames(request),
          formerUrns: request.getAliasesList().map((alias) => {
            const spec = alias.getSpec();
            const type = spec?.getType() ?? "";
            return spec === undefined
              ? alias.getUrn()
              : urns.of(request.getParent(), type === "" ? request.getType() : type, spec.getName());
          }),
        });
        const response = new RegisterResourceResponse();
        response.setUrn(urn);
        response.setId(state.id);
        response.setObject(structOf(state.outputs));
        return response;
      });
    },
    registerResourceOutputs(request: RegisterResourceOutputsRequest, callback: Callback<Empty>) {
      answer(callback, () => {
        if (request.getUrn() === urns.stack.urn) {
          deployment.setOutputs(propertiesOf(request.getOutputs()));
        }
        return Promise.resolve(new Empty());
      });
    },
    registerResourceHook(request: RegisterResourceHookRequest, callback: Callback<Empty>) {
      answer(callback, () => {
        hooks.register(request);
        return Promise.resolve(new Empty());
      });
    },
    signalAndWaitForShutdown(_request: Empty, callback: Callback<Empty>) {
      answer(callback, async () => {
        await deployment.finish();
        return new Empty();
      });
    },
    invoke(request: ResourceInvokeRequest, callback: Callback<InvokeResponse>) {
      answer(callback, async () => {
        const response = new InvokeResponse();
        response.setReturn(structOf(await invoke(request.getTok(), propertiesOf(request.getArgs()))));
        return response;
      });
    },
  });
}

function answer<T>(callback: Callback<T>, work: () => Promise<T>): void {
  work().then(
    (response) => {
      callback(null, response);
    },
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const serviceError: ServiceError = Object.assign(new Error(message), {
        // The SDK takes UNAVAILABLE for an engine that is shutting down, and then neither reports nor waits.
        code: error instanceof DeploymentStopped ? status.UNAVAILABLE : status.UNKNOWN,
        details: message,
        metadata: new Metadata(),
      });
      callback(serviceError);
    },
  );
}

/** @throws Error for hooks that would not run: they would look as if they held. */
function hookNames(
  request: RegisterResourceRequest,
): Pick<Goal, "beforeCreate" | "beforeUpdate" | "afterUpdate" | "beforeDelete"> {
  const binding = request.getHooks();
  const others = [
    ...(binding?.getAfterCreateList() ?? []),
    ...(binding?.getAfterDeleteList() ?? []),
    ...(binding?.getOnErrorList() ?? []),
  ];
  if (others.length > 0) {
    throw new Error(
      `local/engine runs hooks before a change and after an update only, not ${others.join(", ")}`,
    );
  }
  return {
    beforeCreate: binding?.getBeforeCreateList() ?? [],
    beforeUpdate: binding?.getBeforeUpdateList() ?? [],
    afterUpdate: binding?.getAfterUpdateList() ?? [],
    beforeDelete: binding?.getBeforeDeleteList() ?? [],
  };
}

interface Hook {
  /** Address of the program's callback server. */
  readonly target: string;
  readonly token: string;
}

/**
 * The hooks that a program registers, called back over gRPC as Pulumi's engine does (pulumi/pulumi,
 * pkg/resource/deploy/resource_hooks.go).
 */
export class ResourceHooks {
  private readonly preview: boolean;
  private readonly hooks = new Map<string, Hook | undefined>();
  private readonly clients = new Map<string, CallbacksClient>();

  constructor(preview: boolean) {
    this.preview = preview;
  }

  register(request: RegisterResourceHookRequest): void {
    const callback = request.getCallback();
    const runs = !this.preview || request.getOnDryRun();
    this.hooks.set(
      request.getName(),
      runs && callback !== undefined
        ? { target: callback.getTarget(), token: callback.getToken() }
        : undefined,
    );
  }

  /** Calls hooks one after the other; rejects with the first one's reason against what is about to be done. */
  async run(
    names: readonly string[],
    { urn, id, name, type, newInputs, oldInputs, newOutputs, oldOutputs }: HookCall,
  ): Promise<void> {
    for (const hookName of names) {
      if (!this.hooks.has(hookName)) {
        throw new Error(`hook "${hookName}" was not registered`);
      }
      const hook = this.hooks.get(hookName);
      if (hook === undefined) {
        continue;
      }
      const call = new ResourceHookRequest();
      call.setUrn(urn);
      call.setId(id);
      call.setName(name);
      call.setType(type);
      call.setNewInputs(newInputs === undefined ? undefined : structOf(newInputs));
      call.setOldInputs(oldInputs === undefined ? undefined : structOf(oldInputs));
      call.setNewOutputs(newOutputs === undefined ? undefined : structOf(newOutputs));
      call.setOldOutputs(oldOutputs === undefined ? undefined : structOf(oldOutputs));
      const error = await this.call(hook, call);
      if (error !== "") {
        throw new Error(error);
      }
    }
  }

  /** Closes the connections; otherwise they keep the process alive. */
  close(): void {
    for (const client of this.clients.values()) {
      client.close();
    }
  }

  private call({ target, token }: Hook, hookRequest: ResourceHookRequest): Promise<string> {
    let client = this.clients.get(target);
    if (client === undefined) {
      client = new CallbacksClient(target, credentials.createInsecure());
      this.clients.set(target, client);
    }
    const request = new CallbackInvokeRequest();
    request.setToken(token);
    request.setRequest(hookRequest.serializeBinary());
    const connected = client;
    return new Promise((resolve, reject) => {
      connected.invoke(request, (error, response) => {
        if (error !== null) {
          // After a failure the program ends, and other calls may be under way to it then.
          reject(error.code === status.UNAVAILABLE ? new DeploymentStopped(error.message) : error);
          return;
        }
        resolve(ResourceHookResponse.deserializeBinary(response.getResponse_asU8()).getError());
      });
    });
  }
}
