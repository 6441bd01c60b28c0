import * as pulumi from "@pulumi/pulumi";
import { problemText, type Problem } from "../fleet/problem";

/**
 * A hook that refuses an update for what only the engine knows: the inputs before. Runs in previews too.
 *
 * @param name unique in the program.
 * @returns undefined where the engine cannot run hooks: the SDK's mock monitor says that it supports them, and then
 * lacks the call that registers one (docs/facts/provider.md, P54).
 */
export function updateGuard(
  name: string,
  findProblem: (update: pulumi.ResourceHookArgs) => Problem | undefined,
): pulumi.ResourceHook | undefined {
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined || typeof monitor.registerResourceHook !== "function") {
    return undefined;
  }
  return new pulumi.ResourceHook(
    name,
    (update) => {
      const problem = findProblem(update);
      if (problem !== undefined) {
        throw new Error(problemText(problem));
      }
    },
    { onDryRun: true },
  );
}
