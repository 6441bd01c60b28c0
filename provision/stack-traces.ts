/** V8's default; somebody who asks for more frames (`NODE_OPTIONS=--stack-trace-limit=50`) is debugging. */
const defaultLimit = 10;

/**
 * Gives up stack traces from here on, unless somebody asked for more than usual.
 *
 * The SDK takes one for every promise it makes and two for every resource (@pulumi/pulumi 3.248.0,
 * runtime/debuggable.ts and resource.ts, which lifts the limit for its own), and ts-node maps each through source maps:
 * at 1000 sites that is more than half of the program's time and a fifth of its memory. What can fail after the inputs
 * are checked fails in the engine, with a message that names the resource.
 */
export function omitStackTraces(): void {
  if (Error.stackTraceLimit === defaultLimit) {
    Error.stackTraceLimit = 0;
    Error.prepareStackTrace = () => "";
  }
}
