import {
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** How often it is looked whether the CLI still lives. */
const watchMilliseconds = 250;

/** The largest message, in bytes, as in the SDK's own servers (@pulumi/pulumi 3.248.0, runtime/settings.ts). */
const largestMessage = 400 * 1024 * 1024;

/** A method that answers with what it resolves to; what it rejects with becomes the call's error. */
export function answering<Request, Response>(
  work: (request: Request) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(work)
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

/**
 * Serves a plugin of the Pulumi CLI: on a port of its own, which is the first line that it prints. Methods that are not
 * there are answered as unimplemented.
 *
 * A CLI that was killed does not end its plugins; so they watch it.
 */
export function servePlugin(service: ServiceDefinition, methods: UntypedServiceImplementation): void {
  const server = new Server({
    "grpc.max_receive_message_length": largestMessage,
    "grpc.max_send_message_length": largestMessage,
  });
  server.addService(service, methods);
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) {
      throw error;
    }
    console.log(String(port));
  });
  const cli = process.ppid;
  setInterval(() => {
    if (process.ppid !== cli) {
      process.exit(1);
    }
  }, watchMilliseconds);
}
