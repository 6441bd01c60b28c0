import type { ErrorHook } from "@pulumi/pulumi";
import type { Problem } from "../fleet/problem";
import type { SignalName } from "../fleet/signals";
import { errorHook } from "./pulumi-program";

/** What every account's applications take, as far as is known. */
const leastLimit = 5;

/**
 * A hook that says in a sentence that Cloudflare refuses an application for the number of its paths. Each is a destination:
 * an application takes 50 by default since June 2026, on older accounts fewer (docs/facts/cloudflare.md, C39). The limit
 * cannot be read, so that only the refusal shows it.
 *
 * @returns undefined where there is nothing to say, and where the engine has no such hooks.
 */
export const destinationLimitHook = (signal: SignalName, paths: number): ErrorHook | undefined =>
  paths <= leastLimit
    ? undefined
    : errorHook(`sitepass-destination-limit-${signal}`, ({ errors }) =>
        destinationLimitProblem(signal, paths, errors),
      );

/** What the refusal of an application means, as far as its words tell; they are documented nowhere. */
function destinationLimitProblem(
  signal: SignalName,
  paths: number,
  errors: readonly string[],
): Problem | undefined {
  return errors.some((error) => /destination|domain/i.test(error) && /limit|max|many|exceed/i.test(error))
    ? {
        subject: `sitepass:endpoints.${signal}.paths`,
        says: `has ${paths} paths, and an Access application of this account takes fewer destinations`,
        todo: "Drop some, or ask Cloudflare to raise the account's limit to the 50 that newer accounts have",
      }
    : undefined;
}
