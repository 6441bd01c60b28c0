import { problemText } from "../../fleet/problem";
import type { CallResult } from "../../cloudflare/client";
import { findingsOn, type Finding } from "./finding";
import type { WriteAnswer } from "./write-probes";

const { ok, warning, problem } = findingsOn("API token");

/** One permission of the API token, and what was learned of it. */
export interface PermissionAnswer {
  /** As the dashboard names it. */
  readonly name: string;
  /** After "which ... need", in the plural. */
  readonly neededFor: string;
  readonly scope: "account" | "zone";
  /** A call that needs the permission for reading. */
  readonly read: CallResult<unknown>;
  /** Only where writing is needed. */
  readonly write?: WriteAnswer;
  /** What goes unchecked without it, when nothing but that needs it; `up` does not. */
  readonly onlyChecks?: string;
}

/** Says of one permission whether it is there, and for what it is needed where it is missing. */
export function judgePermission(permission: PermissionAnswer): readonly Finding[] {
  const { name, neededFor, scope, read, write, onlyChecks } = permission;
  const access = write === undefined ? "Read" : "Edit";
  if (read.kind === "failed") {
    return [problem(problemText(read.problem))];
  }
  if (read.kind === "forbidden") {
    return [
      onlyChecks === undefined
        ? problem(
            `CLOUDFLARE_API_TOKEN: lacks the permission "${name}" ${access} (${read.reason}), which ${neededFor} need. Add it to the API token, for the ${scope}.`,
          )
        : warning(
            `CLOUDFLARE_API_TOKEN: lacks the permission "${name}" ${access} (${read.reason}), so ${onlyChecks} not checked. Add it to the API token, for the ${scope}, or look in the dashboard.`,
          ),
    ];
  }
  switch (write?.kind) {
    case undefined:
      return [ok(`permission "${name}" Read`)];
    case "may":
      return [ok(`permission "${name}" Edit`)];
    case "not asked":
      return [ok(`permission "${name}" Read; Edit was not asked for`)];
    case "may not":
      return [
        problem(
          `CLOUDFLARE_API_TOKEN: has the permission "${name}" for reading only (${write.reason}): previews pass, and up stops at ${neededFor}. Raise it to Edit.`,
        ),
      ];
    case "cannot be told":
      return [
        warning(
          `CLOUDFLARE_API_TOKEN: may read "${name}", and whether it may edit cannot be told (${write.reason}). Look at the API token in the dashboard.`,
        ),
      ];
  }
}
