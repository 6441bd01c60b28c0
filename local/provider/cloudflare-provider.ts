import {
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import manifest from "@pulumi/cloudflare/package.json";
import { APIConnectionError, APIError, NotFoundError, type Cloudflare } from "cloudflare";
import { ZodError } from "zod";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import {
  CheckFailure,
  CheckResponse,
  ConfigureResponse,
  CreateResponse,
  DiffResponse,
  InvokeResponse,
  ReadResponse,
  UpdateResponse,
  type CheckRequest,
  type ConfigureRequest,
  type CreateRequest,
  type DeleteRequest,
  type DiffRequest,
  type InvokeRequest,
  type ReadRequest,
  type UpdateRequest,
} from "@pulumi/pulumi/proto/provider_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { deepestMessage } from "../../cloudflare/client";
import { revealed } from "../../stack/state-file-reader";
import { changedProperties, propertiesOf, structOf } from "../engine/properties";
import { kindOf, openStandIn, runInvoke } from "../engine/provider";

/**
 * Serves a provider for the resources of this project, in place of Pulumi's bridged one, which cannot be had from a package
 * registry: a plugin that the real engine talks to, and that sends the stand-in what `local/engine` sends it.
 *
 * What the engine sees of it is what it sees of the bridged one (pulumi-terraform-bridge, pkg/pf/tfbridge): whole
 * differences by property, no deletion before a replacement by itself, no secrets in look-ups, an import by an ID of the
 * provider's own form, and errors in its words.
 *
 * @param environment where the API token and the stand-in's address are.
 * @returns the port that it listens on.
 */
export function serve(environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  const answers = new Answers();
  let client: Cloudflare | undefined;
  const api = (): Cloudflare => {
    if (client === undefined) {
      throw new Error("the provider is not configured");
    }
    return client;
  };
  return listen(ResourceProviderService, {
    getPluginInfo: answering(() => {
      const info = new PluginInfo();
      info.setVersion(manifest.version);
      return info;
    }),
    // Said by an engine that has not started it.
    attach: answering(() => new Empty()),
    checkConfig: answering(accept),
    diffConfig: answering(() => new DiffResponse()),
    configure: answering((request: ConfigureRequest) => {
      client = openStandIn(
        Object.fromEntries(
          Object.entries(propertiesOf(request.getArgs())).map(([key, value]) => [
            `cloudflare:${key}`,
            String(revealed(value)),
          ]),
        ),
        environment,
        { fetch: answers.fetch },
      );
      const response = new ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),
    invoke: answering(async (request: InvokeRequest) => {
      const response = new InvokeResponse();
      const result = await answers.inWords(
        runInvoke(api(), request.getTok(), propertiesOf(request.getArgs())),
      );
      response.setReturn(structOf(result));
      return response;
    }),
    check: answering((request: CheckRequest) => {
      const response = accept(request);
      const problems = kindOf(typeIn(request)).check(propertiesOf(request.getNews()));
      response.setFailuresList(
        problems.map(({ property, reason }) => {
          const failure = new CheckFailure();
          failure.setProperty(property);
          failure.setReason(reason);
          return failure;
        }),
      );
      return response;
    }),
    diff: answering((request: DiffRequest) => {
      const { replaceOn } = kindOf(typeIn(request));
      const changed = changedProperties(
        propertiesOf(request.getOldInputs()),
        propertiesOf(request.getNews()),
      ).filter((name) => !request.getIgnorechangesList().includes(name));
      const response = new DiffResponse();
      response.setChanges(
        changed.length === 0 ? DiffResponse.DiffChanges.DIFF_NONE : DiffResponse.DiffChanges.DIFF_SOME,
      );
      response.setDiffsList([...changed]);
      response.setReplacesList(changed.filter((name) => replaceOn.includes(name)));
      return response;
    }),
    create: answering(async (request: CreateRequest) => {
      const inputs = propertiesOf(request.getProperties());
      const response = new CreateResponse();
      if (request.getPreview()) {
        response.setProperties(structOf(inputs));
        return response;
      }
      const { id, outputs } = await answers.inWords(kindOf(typeIn(request)).create(api(), inputs));
      response.setId(id);
      response.setProperties(structOf(outputs));
      return response;
    }),
    read: answering(async (request: ReadRequest) => {
      const kind = kindOf(typeIn(request));
      const id = request.getId();
      const inputs = propertiesOf(request.getInputs());
      const outputs = propertiesOf(request.getProperties());
      const reading =
        // Without a state it is an import, or a `get`.
        Object.keys(outputs).length === 0
          ? kind.import(api(), id)
          : kind.read(api(), id, inputs, outputs).then((found) => ({ id, ...found }));
      const found = await answers.inWords(unlessGone(reading));
      const response = new ReadResponse();
      // An answer without an ID says that it is not there.
      if (found !== undefined) {
        response.setId(found.id);
        response.setInputs(structOf(found.inputs));
        response.setProperties(structOf(found.outputs));
      }
      return response;
    }),
    update: answering(async (request: UpdateRequest) => {
      const kind = kindOf(typeIn(request));
      const inputs = propertiesOf(request.getNews());
      const before = propertiesOf(request.getOlds());
      const outputs = request.getPreview()
        ? kind.previewUpdate(inputs, before, changedProperties(propertiesOf(request.getOldInputs()), inputs))
        : await answers.inWords(kind.update(api(), request.getId(), inputs, before));
      const response = new UpdateResponse();
      response.setProperties(structOf(outputs));
      return response;
    }),
    delete: answering(async (request: DeleteRequest) => {
      const inputs = propertiesOf(request.getOldInputs() ?? request.getProperties());
      await answers.inWords(kindOf(typeIn(request)).delete(api(), request.getId(), inputs));
      return new Empty();
    }),
    // Calls that are under way are waited for, as by the bridged one.
    cancel: answering(() => new Empty()),
  });
}

function accept(request: CheckRequest): CheckResponse {
  const response = new CheckResponse();
  response.setInputs(request.getNews());
  return response;
}

/** The type token in a URN, without those of its parents. */
function typeIn(request: { getUrn(): string }): string {
  const [, , types = ""] = request.getUrn().split("::");
  return types.slice(types.lastIndexOf("$") + 1);
}

async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof NotFoundError) {
      return undefined;
    }
    throw error;
  }
}

interface Answer {
  readonly request: string;
  readonly body: Promise<string>;
}

/** What the API refused, kept for a message in the words of the provider (docs/facts/provider.md, P16). */
class Answers {
  readonly #refused = new WeakMap<Headers, Answer>();

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    if (!response.ok) {
      const url = input instanceof Request ? input.url : String(input);
      this.#refused.set(response.headers, {
        request: `${init?.method ?? "GET"} "${url}": ${response.status} ${response.statusText}`,
        body: response.clone().text(),
      });
    }
    return response;
  };

  async inWords<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof APIConnectionError) {
        throw new Error(`failed to make http request: ${deepestMessage(error)}`, { cause: error });
      }
      if (error instanceof ZodError) {
        // Such as a page of HTML (terraform-provider-cloudflare v5, resource.go of each, Create).
        const [issue] = error.issues;
        throw new Error(`failed to deserialize http request: ${issue?.message ?? "unknown"}`, {
          cause: error,
        });
      }
      const headers: unknown = error instanceof APIError ? error.headers : undefined;
      const answer = headers instanceof Headers ? this.#refused.get(headers) : undefined;
      if (answer === undefined) {
        throw error;
      }
      throw new Error(`failed to make http request: ${answer.request} ${await answer.body}`, {
        cause: error,
      });
    }
  }
}

/** How often it is looked whether the CLI still lives. */
const watchMilliseconds = 250;

/** The largest message, in bytes, as in the SDK's own servers (@pulumi/pulumi 3.248.0, runtime/settings.ts). */
const largestMessage = 400 * 1024 * 1024;

let callsUnderWay = 0;

/** A method that answers with what it resolves to; what it rejects with becomes the call's error. */
function answering<Request, Response>(
  work: (request: Request) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    callsUnderWay += 1;
    Promise.resolve(call.request)
      .then(work)
      .finally(() => {
        callsUnderWay -= 1;
      })
      .then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          callback({ code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) });
        },
      );
  };
}

/** Serves a plugin's methods on a port of its own. Methods that are not there are answered as unimplemented. */
function listen(service: ServiceDefinition, methods: UntypedServiceImplementation): Promise<number> {
  const server = new Server({
    "grpc.max_receive_message_length": largestMessage,
    "grpc.max_send_message_length": largestMessage,
  });
  server.addService(service, methods);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) {
        resolve(port);
      } else {
        reject(error);
      }
    });
  });
}

/**
 * Serves the Pulumi CLI that started this process, which reads the port from the first line that is printed.
 *
 * A CLI that was killed does not end its plugins. So they watch it, and end when what was asked of them is done: what
 * Cloudflare was sent is not taken back by a kill.
 */
export async function servePlugin(): Promise<void> {
  console.log(String(await serve(process.env)));
  const cli = process.ppid;
  setInterval(() => {
    if (process.ppid !== cli && callsUnderWay === 0) {
      process.exit(1);
    }
  }, watchMilliseconds);
}
