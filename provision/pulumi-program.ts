import * as pulumi from "@pulumi/pulumi";
import { ownNamePrefix } from "../fleet/names";
import { problemText, UserError, type Problem } from "../fleet/problem";

/**
 * Wraps the program for Pulumi: what a person can put right ends in its message alone, without a stack trace.
 * Pulumi calls an exported function and awaits it, which is how a CommonJS program can be asynchronous.
 */
export function pulumiProgram<T>(declare: () => Promise<T>): () => Promise<T> {
  return async () => {
    try {
      return await declare();
    } catch (error) {
      throw error instanceof UserError ? refusal(error.message) : error;
    }
  };
}

/**
 * What ends the program with this message alone.
 *
 * Without a stack, which nobody is shown and the SDK still formats: a frame in one of its own files, such as
 * `node_modules/@pulumi/resource.ts`, keeps Node 20's `util.inspect` busy for twenty seconds, until its text is too long
 * for a string (docs/facts/provider.md, P60).
 */
function refusal(message: string): Error {
  const error = new pulumi.RunError(message);
  error.stack = "";
  return error;
}

/** What the engine and the shell hand to the program; nothing else in it reads either. */
export interface StackSettings {
  /** All configuration of the stack: full keys, values as text, structured ones as JSON. */
  readonly raw: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prefix of the names of what this stack makes in Cloudflare. */
  readonly ownPrefix: string;
}

export function readStackSettings(): StackSettings {
  return {
    raw: pulumi.runtime.allConfig(),
    environment: process.env,
    ownPrefix: ownNamePrefix(pulumi.getProject(), pulumi.getStack()),
  };
}

type Found = Problem | readonly Problem[] | undefined;

/**
 * Has the engine ask before it changes a resource that is given this hook, in previews too unless told otherwise: a
 * problem stops the change, and with it the run.
 *
 * @returns undefined where the engine cannot run hooks: the SDK's mock monitor says that it supports them, and then
 * lacks the call that registers one (docs/facts/provider.md, P54).
 */
export function resourceHook(
  name: string,
  check: (change: pulumi.ResourceHookArgs) => Found | Promise<Found>,
  { inPreviews = true } = {},
): pulumi.ResourceHook | undefined {
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined || typeof monitor.registerResourceHook !== "function") {
    return undefined;
  }
  return new pulumi.ResourceHook(
    name,
    async (change) => {
      const found = [(await check(change)) ?? []].flat();
      if (found.length > 0) {
        throw new Error(found.map(problemText).join("\n"));
      }
    },
    { onDryRun: inPreviews },
  );
}

/**
 * Has the engine ask what a failed operation means, and says it beside the provider's words. The operation is not tried again.
 *
 * @returns undefined where the engine has no such hooks, as local/engine and the SDK's mocks.
 */
export function errorHook(
  name: string,
  explain: (failure: pulumi.ErrorHookArgs) => Problem | undefined,
): pulumi.ErrorHook | undefined {
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined || typeof monitor.registerErrorHook !== "function") {
    return undefined;
  }
  return new pulumi.ErrorHook(name, async (failure) => {
    const problem = explain(failure);
    if (problem !== undefined) {
      await pulumi.log.error(problemText(problem));
    }
    return false;
  });
}

/** A property of a resource as hooks are told of it; undefined where it is not there. */
export const propertyOf = (properties: unknown, key: string): unknown =>
  typeof properties === "object" && properties !== null ? Reflect.get(properties, key) : undefined;

/** Gives hooks to every resource of Cloudflare's that is declared from here on, and that they are wanted for. */
export function hookResources(
  hooksOf: (type: string, resource: pulumi.Resource) => pulumi.ResourceHookBinding,
): void {
  // Not `registerResourceTransform`: the engine would call back for every resource.
  pulumi.runtime.registerStackTransformation(({ type, resource, props, opts }) => ({
    props,
    opts: type.startsWith("cloudflare:")
      ? pulumi.mergeOptions(opts, { hooks: hooksOf(type, resource) })
      : opts,
  }));
}

/** V8's default; somebody who asks for more frames (`NODE_OPTIONS=--stack-trace-limit=50`) is debugging. */
const defaultLimit = 10;

/**
 * Gives up stack traces from here on, unless somebody asked for more than usual.
 *
 * The SDK takes one for every promise it makes and two for every resource (docs/facts/provider.md, P12), and ts-node maps each through source maps:
 * at 1000 sites that is more than half of the program's time and a fifth of its memory. What can fail after the inputs
 * are checked fails in the engine, with a message that names the resource.
 */
export function omitStackTraces(): void {
  if (Error.stackTraceLimit === defaultLimit) {
    Error.stackTraceLimit = 0;
    Error.prepareStackTrace = () => "";
  }
}
