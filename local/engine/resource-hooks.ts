import { credentials } from "@grpc/grpc-js";
import { CallbacksClient } from "@pulumi/pulumi/proto/callback_grpc_pb";
import { CallbackInvokeRequest } from "@pulumi/pulumi/proto/callback_pb";
import {
  ResourceHookRequest,
  ResourceHookResponse,
  type RegisterResourceHookRequest,
  type RegisterResourceRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Goal } from "./deployment";
import { structOf } from "./struct";

interface Hook {
  /** Address of the program's callback server. */
  readonly target: string;
  readonly token: string;
}

/**
 * The hooks that a program registers, called back over gRPC as Pulumi's engine does (pulumi/pulumi,
 * pkg/resource/deploy/resource_hooks.go). `beforeUpdate` is the one that is imitated; a resource with another one is
 * refused, because a hook that does not run in tests would look as if it held.
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

  /** The checks that a resource asks for before it is changed. */
  checks(request: RegisterResourceRequest): Goal["beforeUpdate"] {
    const binding = request.getHooks();
    if (binding === undefined) {
      return [];
    }
    const others = [
      ...binding.getBeforeCreateList(),
      ...binding.getAfterCreateList(),
      ...binding.getAfterUpdateList(),
      ...binding.getBeforeDeleteList(),
      ...binding.getAfterDeleteList(),
    ];
    if (others.length > 0) {
      throw new Error(`local/engine runs beforeUpdate hooks only, not ${others.join(", ")}`);
    }
    return binding.getBeforeUpdateList().flatMap((name) => {
      const hook = this.hooks.get(name);
      return hook === undefined
        ? []
        : [
            async (before, id) => {
              const call = new ResourceHookRequest();
              call.setUrn(before.urn);
              call.setId(id);
              call.setName(before.name);
              call.setType(before.type);
              call.setNewInputs(request.getObject() ?? new Struct());
              call.setOldInputs(structOf(before.inputs));
              const error = await this.call(hook, call);
              if (error !== "") {
                throw new Error(error);
              }
            },
          ];
    });
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
          reject(error);
          return;
        }
        resolve(ResourceHookResponse.deserializeBinary(response.getResponse_asU8()).getError());
      });
    });
  }
}
