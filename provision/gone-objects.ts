import * as pulumi from "@pulumi/pulumi";
import { problemText } from "../fleet/problem";
import { hookResources } from "./pulumi-program";

/**
 * Says what to do where an object that is to be deleted is gone already: deleted by hand, or by a run that was killed
 * before it was told. The provider takes the 404 for a failure (docs/facts/provider.md, P21), and every later `up` would.
 *
 * Nothing where the engine has no such hooks, as local/engine and the SDK's mocks. Call it before anything is declared.
 */
export function explainGoneObjects(): void {
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined || typeof monitor.registerErrorHook !== "function") {
    return;
  }
  const hook = new pulumi.ErrorHook("sitepass-gone-objects", async ({ name, failedOperation, errors }) => {
    if (failedOperation === "delete" && errors.some((error) => /\b404 Not Found\b/.test(error))) {
      const problem = {
        subject: name,
        says: "was to be deleted, and is gone from Cloudflare already",
        todo: "Run `pulumi refresh`, which tells the stack, and then `pulumi up`",
      };
      await pulumi.log.error(problemText(problem));
    }
    // It would fail again.
    return false;
  });
  hookResources(() => ({ onError: [hook] }));
}
