import { createRequire } from "node:module";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";

const requireHere = createRequire(__filename);

/**
 * Runs `index.ts` in this process as Pulumi's language host does: as a stack, awaiting what it exports, until all
 * resources are registered (@pulumi/pulumi 3.248.0, cmd/run/run.ts).
 *
 * @param stopped resolves when the deployment has failed: what the program waits for then never comes.
 * @returns why it failed, with a stack trace unless a person can mend the cause; undefined when it ended well or was
 * stopped.
 */
export async function runProgram(directory: string, stopped: Promise<void>): Promise<string | undefined> {
  const unhandled = new Promise<never>((_resolve, reject) => {
    process.on("uncaughtException", reject);
    process.on("unhandledRejection", reject);
  });
  const running = pulumi.runtime
    .runInPulumiStack(async () => {
      const program: unknown = requireHere(join(directory, "index.ts"));
      const outputs: unknown =
        typeof program === "function" ? await Reflect.apply(program, undefined, []) : program;
      return outputs;
    })
    // Outputs may be known before every resource is registered.
    .then(() => pulumi.runtime.disconnect(false));
  // Its rejection is seen below, or has been overtaken by the deployment's own failure.
  running.catch(() => undefined);
  try {
    await Promise.race([running, unhandled, stopped]);
    return undefined;
  } catch (error) {
    return describe(error);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { message, stack } = error;
  return pulumi.RunError.isInstance(error) ? message : (stack ?? message);
}
