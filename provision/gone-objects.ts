import { errorHook, hookResources } from "./pulumi-program";

/**
 * Says what to do where an object that is to be deleted is gone already: deleted by hand, or by a run that was killed
 * before it was told. The provider takes the 404 for a failure (docs/facts/provider.md, P21), and every later `up` would.
 *
 * Call it before anything is declared.
 */
export function explainGoneObjects(): void {
  const hook = errorHook("sitepass-gone-objects", ({ name, failedOperation, errors }) =>
    failedOperation === "delete" && errors.some((error) => /\b404 Not Found\b/.test(error))
      ? {
          subject: name,
          says: "was to be deleted, and is gone from Cloudflare already",
          todo: "Run `pulumi refresh`, which tells the stack, and then `pulumi up`",
        }
      : undefined,
  );
  if (hook !== undefined) {
    hookResources(() => ({ onError: [hook] }));
  }
}
