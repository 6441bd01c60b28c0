import * as pulumi from "@pulumi/pulumi";

/**
 * A hook that refuses to lower a token's secret version, or to drop it after a rotation.
 *
 * The provider would send the lower version as one more change, and what Cloudflare makes of it is not documented: at
 * worst a second rotation without a grace window, which cuts the site off. Only the engine knows the version before,
 * so this cannot be checked with the site files. Runs in previews too.
 *
 * @returns undefined where the engine cannot run hooks: the SDK's mock monitor says that it supports them, and then
 * lacks the call that registers one (@pulumi/pulumi 3.248.0, runtime/mocks.ts).
 */
export function secretVersionGuard(): pulumi.ResourceHook | undefined {
  const monitor = pulumi.runtime.getMonitor();
  if (monitor === undefined || typeof monitor.registerResourceHook !== "function") {
    return undefined;
  }
  return new pulumi.ResourceHook(
    "sitepass-secret-version-guard",
    ({ name, oldInputs, newInputs }) => {
      const problem = loweredVersionProblem(name, versionIn(oldInputs), versionIn(newInputs));
      if (problem !== undefined) {
        throw new Error(problem);
      }
    },
    { onDryRun: true },
  );
}

/** What is wrong with going from one secret version to another, or undefined. */
export function loweredVersionProblem(site: string, before: number, after: number): string | undefined {
  return after >= before
    ? undefined
    : `sites/${site}: token.secretVersion is ${after}, and ${before} is in use. Set it back to ${before} with its previousSecretExpiresAt, or raise it to ${before + 1} to rotate.`;
}

function versionIn(inputs: unknown): number {
  const version: unknown =
    typeof inputs === "object" && inputs !== null ? Reflect.get(inputs, "clientSecretVersion") : undefined;
  // 1 is the provider's default.
  return typeof version === "number" ? version : 1;
}
