import type { AccountApplication } from "../../cloudflare/access-applications";
import {
  allOf,
  applicationLetsIn,
  decidingApplication,
  isValidToken,
  policyLetsIn,
  unnamedToken,
  type LetsIn,
} from "../../cloudflare/access-evaluation";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { Endpoint } from "../../fleet/config";
import { durationRoundedDown } from "../../fleet/duration";
import { failure, success, type Problem, type Result } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import { trouble, type SiteStatus, type Trouble, type TroubleKind } from "./site-status";
import { refreshAndUp } from "../own-applications";

/** Whether Access lets a token in on every write path of an endpoint. */
export type EndpointAccess = (token: Pick<AccountToken, "id">) => LetsIn;

/** What of an application decides whom it lets in. */
export type GuardingApplication = Pick<AccountApplication, "name" | "destinations" | "policies">;

/** Finds whom an endpoint lets in, or why that cannot be told: an application is missing, or does not show its rules. */
export function endpointAccess(
  { hostname, paths }: Endpoint,
  applications: readonly GuardingApplication[],
): Result<EndpointAccess> {
  const deciding: GuardingApplication[] = [];
  for (const path of paths) {
    const uri = hostname + path;
    const application = decidingApplication(applications, hostname, path);
    if (application === undefined) {
      return failure({
        subject: uri,
        says: "no Access application covers it, so Access asks nobody there for a token",
        todo: refreshAndUp,
      });
    }
    if (
      application.policies.some(
        (policy) => policy.include === undefined && policyLetsIn(policy, unnamedToken) === "perhaps",
      )
    ) {
      return failure({
        subject: uri,
        says: `whom the application "${application.name}" lets in cannot be read, because it does not show its rules`,
        todo: "Look at it in the dashboard",
      });
    }
    deciding.push(application);
  }
  return success((token) => allOf(deciding.map((application) => applicationLetsIn(application, token))));
}

/** When time itself is a trouble. */
export interface Thresholds {
  readonly now: Date;
  /** An expiry nearer than this is an alarm. */
  readonly warnDays: number;
  /** Not having been seen for longer than this is an alarm; undefined: not looked at. */
  readonly staleHours: number | undefined;
}

type Access = Pick<SiteStatus, "site" | "enabledInFile" | "enabledAtCloudflare" | "expiresAt" | "signals">;

/** Whether Cloudflare lets a declared site's token in exactly as its file says. */
export function accessTroubles(
  { site, enabledInFile, enabledAtCloudflare: enabled, expiresAt, signals }: Access,
  token: Pick<AccountToken, "id">,
  endpoints: ReadonlyMap<SignalName, Result<EndpointAccess>>,
  now: Date,
): readonly Trouble[] {
  const answers = new Map(
    [...endpoints].map(([signal, access]) => [signal, access.ok ? access.value(token) : undefined]),
  );
  const answeredBy = (answer: LetsIn) =>
    [...answers.keys()].filter((signal) => answers.get(signal) === answer);
  const [letIn, perhaps] = [answeredBy("yes"), answeredBy("perhaps")];
  const alarm = (kind: TroubleKind, says: string) => trouble("alarm", kind, site, says);
  const warning = (kind: TroubleKind, says: string) => trouble("warning", kind, site, says);
  if (enabledInFile === true) {
    const missing = signals.filter((signal) => answers.get(signal) === "no").join(" and ");
    const unsure = signals.filter((signal) => perhaps.includes(signal)).join(" and ");
    const extra = letIn.filter((signal) => !signals.includes(signal)).join(" and ");
    return [
      enabled === false &&
        alarm("disabled at Cloudflare", "its token is disabled at Cloudflare, and enabled in its file"),
      missing !== "" && alarm("not let in", `no policy lets its token in for ${missing}`),
      unsure !== "" &&
        alarm(
          "perhaps not let in",
          `whether its token is let in for ${unsure} cannot be told from the policies`,
        ),
      extra !== "" && warning("lets in more", `a policy lets it push ${extra}, which its file does not name`),
    ].filter((one) => one !== false);
  }
  const named = letIn.length > 0 ? letIn : perhaps;
  if (enabled !== false && named.length > 0 && isValidToken({ enabled, expiresAt }, now)) {
    const can = letIn.length > 0 ? "can still" : "may still be able to";
    return [alarm("still let in", `is shut out in its file, and ${can} push ${named.join(" and ")}`)];
  }
  const how = named.length > 0 ? "though it has expired" : "in no policy";
  const says = `is shut out in its file, and its token is enabled at Cloudflare, ${how}`;
  return enabled === true ? [warning("not disabled", says)] : [];
}

type Times = Pick<SiteStatus, "site" | "enabledInFile" | "createdAt" | "expiresAt" | "lastSeenAt">;

/** Of a site that is shut out an expiry is only a warning, and that it is not seen is as it should be. */
export function timeTroubles(status: Times, thresholds: Thresholds): readonly Trouble[] {
  return [...expiryTroubles(status, thresholds), ...staleTroubles(status, thresholds)];
}

function expiryTroubles(
  { site, expiresAt, enabledInFile }: Times,
  { now, warnDays }: Thresholds,
): readonly Trouble[] {
  if (expiresAt === undefined) {
    return [trouble("alarm", "not readable", site, "Cloudflare does not say when its token expires")];
  }
  if (expiresAt === null) {
    return [];
  }
  const left = Date.parse(expiresAt) - now.getTime();
  const span = durationRoundedDown(left);
  const level = enabledInFile === false ? "warning" : "alarm";
  if (left <= 0) {
    return [trouble(level, "expired", site, `its token expired ${span} ago (${expiresAt})`)];
  }
  return left < warnDays * 86_400_000
    ? [trouble(level, "expiring", site, `its token expires in ${span} (${expiresAt})`)]
    : [];
}

/**
 * That no site at all can be found to be silent: each one by itself may be on its way, and all of them are what a watch would go on
 * taking for well.
 */
export function blindnessProblems(
  sites: readonly SiteStatus[],
  { staleHours }: Pick<Thresholds, "staleHours">,
): readonly Problem[] {
  const watched = sites.filter(
    ({ state, enabledInFile }) => state === "provisioned" && enabledInFile === true,
  );
  const isBlind =
    staleHours !== undefined &&
    watched.length > 0 &&
    watched.every(({ lastSeenAt, createdAt }) => (lastSeenAt ?? createdAt) === undefined);
  return isBlind
    ? [
        {
          subject: "Cloudflare",
          says: "tells of no token when it was last seen, nor when it was made, so a site that is silent is not found",
          todo: "Check CLOUDFLARE_BASE_URL if it is set; or watch what arrives at the stores instead, and pass --stale off",
        },
      ]
    : [];
}

/**
 * A token that was never used is given as much time as one that was: its site may still be on its way. Whether Cloudflare
 * leaves `last_seen_at` out of an answer for a token that was never used is not known, so that case goes by age, too.
 */
function staleTroubles(status: Times, { now, staleHours }: Thresholds): readonly Trouble[] {
  const { site, lastSeenAt, createdAt, enabledInFile } = status;
  if (enabledInFile === false || staleHours === undefined) {
    return [];
  }
  const notTold = "Cloudflare does not say when it was last seen";
  const since = lastSeenAt ?? createdAt;
  if (since === undefined) {
    // Neither time is told by a server that has neither, from the first minute on; Cloudflare has both.
    return [trouble("warning", "not told when seen", site, `${notTold}, nor when it was made`)];
  }
  const age = now.getTime() - Date.parse(since);
  if (age <= staleHours * 3_600_000) {
    return [];
  }
  const span = durationRoundedDown(age);
  if (lastSeenAt === undefined) {
    return [trouble("alarm", "not told when seen", site, `${notTold}, and its token is ${span} old`)];
  }
  const says =
    lastSeenAt === null
      ? `was never seen since its token was made ${span} ago (${since})`
      : `was last seen ${span} ago (${since})`;
  return [trouble("alarm", "stale", site, says)];
}
