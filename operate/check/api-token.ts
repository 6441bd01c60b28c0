import { randomBytes, randomUUID } from "node:crypto";
import { tokenStatusProblem, type ApiTokenState } from "../../cloudflare/api-token";
import { exportAnother, isRefusal, type CallResult, type CloudflareApi } from "../../cloudflare/client";
import { problemText, type Problem } from "../../fleet/problem";
import { plural } from "../../fleet/wording";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("API token");

const subject = "CLOUDFLARE_API_TOKEN";

/** An API token that expires sooner than this is worth a warning. */
const soonDays = 30;

/**
 * @param works whether another question was answered to this API token, after the one about itself was refused.
 * @returns `usable` false when asking anything else with this API token would only repeat the same refusal.
 */
export function apiTokenFinding(
  verified: CallResult<ApiTokenState | undefined>,
  now: Date,
  works = false,
): { readonly usable: boolean; readonly finding: Finding } {
  const useless = (wrong: Problem) => ({
    usable: false,
    finding: problem({ ...wrong, todo: `${wrong.todo}. Nothing else at Cloudflare was looked at` }),
  });
  if (verified.kind !== "answered" && works) {
    const reason = verified.kind === "forbidden" ? verified.reason : `Cloudflare ${verified.problem.says}`;
    const says = `is taken, and until when cannot be told (${reason})`;
    return { usable: true, finding: warning({ subject, says, todo: "Look at it in the dashboard" }) };
  }
  if (verified.kind === "forbidden") {
    return useless({ subject, says: `is not valid (${verified.reason})`, todo: exportAnother });
  }
  if (verified.kind === "failed") {
    return useless(verified.problem);
  }
  const { status = "unknown", expiresAt } = verified.value ?? {};
  const wrong = tokenStatusProblem(status);
  if (wrong !== undefined) {
    return useless(wrong);
  }
  if (status === "active") {
    return { usable: true, finding: expiryFinding(expiresAt, now) };
  }
  const says = `whether it is active cannot be told (its status is "${status}")`;
  return { usable: true, finding: warning({ subject, says, todo: "Look at it in the dashboard" }) };
}

function expiryFinding(expiresAt: string | undefined, now: Date): Finding {
  const left = (Date.parse(expiresAt ?? "") - now.getTime()) / 86_400_000;
  if (Number.isNaN(left)) {
    return ok("the API token is active and does not expire");
  }
  const days = plural(Math.floor(left), "day");
  return left < soonDays
    ? warning({
        subject,
        says: `expires in ${days} (${expiresAt}), and from then on \`up\` and every other command fail`,
        todo: "Create another one in time",
      })
    : ok(`the API token is active for another ${days}`);
}

/** What Pulumi's provider reads beside the API token, and would send along; nothing of this project does. */
const otherVariables = ["CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_USER_SERVICE_KEY"];
const otherKeys = ["cloudflare:apiKey", "cloudflare:email", "cloudflare:apiUserServiceKey"];

/** A warning for each other credential that `up` would use and this look does not. */
export function otherCredentials(
  raw: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Finding[] {
  const set = [
    ...otherVariables.filter((name) => (environment[name] ?? "") !== ""),
    ...otherKeys.filter((key) => (raw[key] ?? "") !== ""),
  ];
  return set.map((name) =>
    warning({
      subject: name,
      says: "is set, and Pulumi's provider sends it beside the API token, which nothing here does",
      todo: "Unset it",
    }),
  );
}

/**
 * The permissions that the API token may need: as the dashboard names them, and for what, after "which ... need". Where
 * writing is needed, `probe` is an update of an object that does not exist, with nothing to change in it.
 */
const permissions = {
  serviceTokens: {
    name: "Access: Service Tokens",
    neededFor: "service tokens",
    scope: "account",
    probe: ({ accountId }) => ["put", `/accounts/${accountId}/access/service_tokens/${randomUUID()}`],
  },
  policies: {
    name: "Access: Apps and Policies",
    neededFor: "applications and policies",
    scope: "account",
    probe: ({ accountId }) => ["put", `/accounts/${accountId}/access/policies/${randomUUID()}`],
  },
  tunnels: {
    name: "Cloudflare Tunnel",
    neededFor: "the tunnel and its token",
    scope: "account",
    probe: ({ accountId }) => ["patch", `/accounts/${accountId}/cfd_tunnel/${randomUUID()}`],
  },
  notifications: {
    name: "Notifications",
    neededFor: "alerts to sitepass:alertEmails",
    scope: "account",
    probe: ({ accountId }) => ["put", `/accounts/${accountId}/alerting/v3/policies/${randomId()}`],
  },
  records: {
    name: "DNS",
    neededFor: "records",
    scope: "zone",
    probe: ({ zoneId }) => ["patch", `/zones/${zoneId}/dns_records/${randomId()}`],
  },
  botManagement: { name: "Bot Management", neededFor: "checks", scope: "zone" },
  organization: {
    name: "Access: Organizations, Identity Providers, and Groups",
    neededFor: "stacks without sitepass:teamName",
    scope: "account",
  },
} as const satisfies Record<string, Permission>;

interface Permission {
  readonly name: string;
  readonly neededFor: string;
  readonly scope: "account" | "zone";
  readonly probe?: (ids: ProbeIds) => readonly ["put" | "patch", string];
}

type ProbeIds = Readonly<Record<"accountId" | "zoneId", string>>;

type PermissionName = keyof typeof permissions;
export type WritePermissionName = Exclude<PermissionName, "botManagement" | "organization">;

const randomId = (): string => randomBytes(16).toString("hex");

/**
 * Says of one permission whether it is there, and for what it is needed where it is missing.
 *
 * @param read a call that needs the permission for reading.
 * @param write only where writing is needed.
 * @param onlyChecks what goes unchecked without it, when nothing but that needs it; `up` does not.
 */
export function permissionFinding(
  permission: PermissionName,
  read: CallResult<unknown>,
  write?: WriteAnswer,
  onlyChecks?: string,
): Finding {
  const { name, neededFor, scope } = permissions[permission];
  if (read.kind === "failed") {
    // What Cloudflare refuses for a reason of its own, or does not have, and `up` does not ask for.
    const { subject: about, says, todo } = read.problem;
    const refusedOrAbsent = (read.status === 403 || read.status === 404) && isRefusal(read.problem);
    return onlyChecks !== undefined && refusedOrAbsent
      ? warning({ subject: about, says: `${says}, so ${onlyChecks} not checked`, todo })
      : problem(read.problem);
  }
  if (read.kind === "forbidden") {
    const lacks = `lacks the permission "${name}" ${write === undefined ? "Read" : "Edit"} (${read.reason})`;
    const todo = `Add it to the API token, for the ${scope}`;
    return onlyChecks === undefined
      ? problem({ subject, says: `${lacks}, which ${neededFor} need`, todo })
      : warning({
          subject,
          says: `${lacks}, so ${onlyChecks} not checked`,
          todo: `${todo}, or look in the dashboard`,
        });
  }
  switch (write?.kind) {
    case undefined:
      return ok(`permission "${name}" Read`);
    case "may":
      return ok(`permission "${name}" Edit`);
    case "not asked":
      return ok(`permission "${name}" Read; Edit was not asked for`);
    case "may not":
      return problem({
        subject,
        says: `has the permission "${name}" for reading only (${write.reason}): previews pass, and up stops at ${neededFor}`,
        todo: "Raise it to Edit",
      });
    case "cannot be told":
      return warning({
        subject,
        says: `may read "${name}", and whether it may edit cannot be told (${write.reason})`,
        todo: "Look at the API token in the dashboard",
      });
  }
}

/** Whether the API token may write, as far as can be told without changing anything. */
export type WriteAnswer =
  | { readonly kind: "may" }
  /** `reason` is what Cloudflare said. */
  | { readonly kind: "may not"; readonly reason: string }
  | { readonly kind: "cannot be told"; readonly reason: string }
  | { readonly kind: "not asked" };

/**
 * Asks for a permission to write by a call that can change nothing. Its ID is a random one, not the nil UUID, which careless
 * servers take for "no filter"; its body is empty.
 *
 * Cloudflare checks the permission before it looks at the object: an API token without it gets 403 with code 10000 even
 * where the product would refuse for a reason of its own (seen on an account without Zero Trust, where a read said 9999 and a
 * write 10000). That this holds for each product is inferred, not verified.
 */
export async function probeWrite(
  api: CloudflareApi,
  permission: WritePermissionName,
  ids: ProbeIds,
): Promise<WriteAnswer> {
  const [method, path] = permissions[permission].probe(ids);
  return writeAnswer(
    await api.call("update an object that does not exist", async () => {
      await api.client[method](path, { body: {} });
    }),
  );
}

/** Answers to a permitted request that makes no sense. */
const refusedForItsContent: readonly (number | undefined)[] = [400, 404, 409, 422];

export function writeAnswer(answer: CallResult<unknown>): WriteAnswer {
  switch (answer.kind) {
    case "forbidden":
      return { kind: "may not", reason: answer.reason };
    case "answered":
      return { kind: "cannot be told", reason: "a change of what does not exist was accepted" };
    case "failed":
      return refusedForItsContent.includes(answer.status)
        ? { kind: "may" }
        : { kind: "cannot be told", reason: problemText(answer.problem).replace(/\.$/, "") };
  }
}
