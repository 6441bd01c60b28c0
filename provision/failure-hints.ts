import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../fleet/problem";
import { resourceTypes } from "./declared-objects";
import { errorHook, hookResources, propertyOf } from "./pulumi-program";

/**
 * Says what to do where the provider fails with Cloudflare's words alone, and the next command is known.
 *
 * Call it before anything is declared.
 */
export function explainFailures(): void {
  const hook = errorHook(
    "sitepass-failure-hints",
    (failure) => lostTunnel(failure) ?? goneObject(failure) ?? lostAnswer(failure),
  );
  if (hook !== undefined) {
    hookResources(() => ({ onError: [hook] }));
  }
}

/**
 * A tunnel that was deleted at Cloudflare goes on being read, so that a refresh does not drop it from the state; whatever else is asked
 * of it is answered with 404 (docs/facts/provider.md, P42). So may a tunnel be that is there, by a proxy or for a moment.
 */
const lostTunnel = ({
  type,
  failedOperation,
  newInputs,
  oldInputs,
  errors,
}: pulumi.ErrorHookArgs): Problem | undefined =>
  // Ingress rules are created on a tunnel that was there before.
  (type === resourceTypes.ingress || (type === resourceTypes.tunnel && failedOperation !== "create")) &&
  errors.some(isNotFound)
    ? {
        subject: `tunnel ${tunnelNamed(newInputs ?? oldInputs)}`,
        says: "was answered with 404, as if it were not there",
        todo: `Run \`pulumi up\` once more; if it says so again, run \`npx sitepass forget-tunnel --stack ${pulumi.getStack()}\`, which tells whether the tunnel was deleted, and then prints the way to another`,
      }
    : undefined;

/** By its name, or as its ingress rules name it. */
function tunnelNamed(inputs: unknown): string {
  const named = propertyOf(inputs, "name") ?? propertyOf(inputs, "tunnelId");
  return typeof named === "string" ? named : "of this stack";
}

const isNotFound = (error: string): boolean => /\b404 Not Found\b/.test(error);

/**
 * An object that is to be deleted is gone already: deleted by hand, or by a run that was killed before it was told. The provider
 * takes the 404 for a failure (docs/facts/provider.md, P21), and every later `up` would.
 */
const goneObject = ({ name, failedOperation, errors }: pulumi.ErrorHookArgs): Problem | undefined =>
  failedOperation === "delete" && errors.some(isNotFound)
    ? {
        subject: name,
        says: "was to be deleted, and is gone from Cloudflare already",
        todo: "Run `pulumi refresh`, which tells the stack, and then `pulumi up`",
      }
    : undefined;

/** What nothing can be there twice of, as people call it; see guardCreations. */
const onlyOnce: Readonly<Record<string, string>> = {
  [resourceTypes.application]: "application",
  [resourceTypes.tunnel]: "tunnel",
  [resourceTypes.record]: "DNS record",
};

/**
 * An object that was not there a moment ago, or its creation would have been stopped, is there now: the provider repeats a call whose
 * answer is lost.
 */
function lostAnswer({ type, name, newInputs, failedOperation, errors }: pulumi.ErrorHookArgs) {
  const kind = onlyOnce[type];
  // Of applications and tunnels, and of records (81053, 81054, 81058).
  const isThere = errors.some((error) => /\b409 Conflict\b|"code":\s*8105[348]\b/.test(error));
  const shown: unknown = propertyOf(newInputs, "name");
  return kind === undefined || failedOperation !== "create" || !isThere
    ? undefined
    : {
        subject: `${kind} "${typeof shown === "string" ? shown : name}"`,
        says: "was not there when this `up` looked, and is now: the answer to its creation was lost, or somebody made it meanwhile",
        todo: "Run `pulumi up` again, which names it and the command that takes it in",
      };
}
