import { describeMet } from "./describe-met";
import type { Met } from "./met";
import { remedyForWay, type Where } from "./remedies";
import type { Problem, ProbeKind, ProbeResult } from "./verdict";

/** The site that asks. */
export interface Asker {
  /** Why its pushes are to be refused; undefined when they are to be delivered. */
  readonly shutOut: "disabled" | "not granted" | undefined;
  /** Why Access refuses a push that is to be delivered. */
  readonly causeOf: (status: 401 | 403) => Problem;
}

/**
 * What is wrong at one place, each reason once, however many requests met it.
 *
 * @param asker undefined: everybody, without credentials.
 */
export function problemsOf(
  results: readonly ProbeResult[],
  where: Where,
  asker: Asker | undefined,
): readonly Problem[] {
  const groups = new Map<string, { readonly first: ProbeResult; count: number; readonly problem: Problem }>();
  for (const result of results.filter(({ ok }) => !ok)) {
    const problem = problemOf(result, where, asker);
    const key = `${problem.says}\n${problem.todo}`;
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { first: result, count: 1, problem });
    } else {
      group.count += 1;
    }
  }
  return [...groups.values()].map(({ first, count, problem }) => ({
    says: `${requestText(first, asker)}${count === 1 ? "" : ` and ${count - 1} more`} ${verb(first, count)} ${problem.says}`,
    todo: problem.todo,
  }));
}

/** `says` begins after the verb. */
function problemOf({ met, kind, expected }: ProbeResult, where: Where, asker: Asker | undefined): Problem {
  const answer = describeMet(met);
  if (expected === "delivered") {
    const cause = met.kind === "access" ? asker?.causeOf(met.status) : undefined;
    return cause === undefined
      ? { says: answer, todo: remedyForWay(met, where) }
      : { says: `${answer}: ${cause.says}`, todo: cause.todo };
  }
  if (!gotPastAccess(met, kind)) {
    return { says: answer, todo: remedyForWay(met, where) };
  }
  switch (kind) {
    case "no-credentials":
    case "wrong-secret":
      return {
        says: `${answer}, where Access should refuse it`,
        todo: "Run `pulumi up --refresh`, which puts application and policies back",
      };
    case "read":
      return {
        says: `${answer}, where Access should refuse it`,
        todo: "Run `pulumi up --refresh`, which puts the application on the whole host back",
      };
    case "push":
      return asker?.shutOut === "disabled"
        ? {
            says: `${answer}, though token.enabled is false`,
            todo: "Run `pulumi up --refresh`, or `sitepass revoke <site> --immediately` to disable the token at once",
          }
        : {
            says: `${answer}, though the site's signals do not name ${where.endpoint.signal}`,
            todo: "Run `pulumi up --refresh`, which takes the token out of the policies",
          };
  }
}

/** Whether Access let it pass, whatever stopped it further on. An origin redirects what asks for its start page. */
export function gotPastAccess({ kind }: Met, probe: ProbeKind): boolean {
  return (
    ["origin", "page", "cloudflared", "cloudflare", "tunnel-down"].includes(kind) ||
    (probe === "read" && kind === "redirect")
  );
}

function requestText({ kind, method, path }: ProbeResult, asker: Asker | undefined): string {
  const extra =
    asker === undefined ? " without credentials" : kind === "wrong-secret" ? " with a wrong secret" : "";
  return `${method} ${path}${extra}`;
}

function verb({ met }: ProbeResult, count: number): string {
  if (met.kind === "network") {
    return count === 1 ? "gets" : "get";
  }
  return count === 1 ? "is answered with" : "are answered with";
}
