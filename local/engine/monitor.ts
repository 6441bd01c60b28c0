import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { runtime } from "@pulumi/pulumi";
import { InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import {
  RegisterResourceResponse,
  type RegisterResourceHookRequest,
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  type ResourceInvokeRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { DeploymentStopped, type Deployment } from "./deployment";
import { ResourceHooks } from "./resource-hooks";
import type { Properties } from "./properties";
import { propertiesOf, structOf } from "./struct";
import { UrnScheme } from "./urns";

type Callback<T> = (error: ServiceError | null, response?: T) => void;

export interface MonitorOptions {
  readonly project: string;
  readonly stack: string;
  readonly preview: boolean;
  readonly deployment: Deployment;
  readonly invoke: (token: string, args: Properties) => Promise<Properties>;
}

/**
 * Connects the SDK to the deployment by way of its testing hooks.
 *
 * `setMocks` alone hands over type, name and inputs; options such as `protect` and `dependsOn`, the stack's outputs and
 * hooks never reach the mocks. So the calls of the monitor that it installs are answered here instead.
 *
 * @returns how to close the connections that hooks were called over.
 */
export async function connectMonitor({
  project,
  stack,
  preview,
  deployment,
  invoke,
}: MonitorOptions): Promise<() => void> {
  const unused = () => Promise.reject(new Error("the mock monitor's own calls are not used"));
  await runtime.setMocks({ newResource: unused, call: unused }, project, stack, preview);
  const hooks = new ResourceHooks(preview);
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
          beforeUpdate: hooks.checks(request),
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
    invoke(request: ResourceInvokeRequest, callback: Callback<InvokeResponse>) {
      answer(callback, async () => {
        const response = new InvokeResponse();
        response.setReturn(structOf(await invoke(request.getTok(), propertiesOf(request.getArgs()))));
        return response;
      });
    },
  });
  return () => {
    hooks.close();
  };
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
