import type { AccountApplication } from "../../cloudflare/access-applications";
import { coversHost, destinationOf, type Destination } from "../../cloudflare/access-evaluation";
import type { Endpoint } from "../../fleet/config";
import { planApplications, resourceTypes, sessionDuration } from "../../provision/declared-objects";
import type { ApplicationRole } from "../own-applications";
import {
  changed,
  declaredApplication,
  idInStack,
  planMessages,
  resourceWithId,
  type Adoption,
  type PlanInProgress,
} from "./adoption-plan";
import { findPolicyLosses, type PlanWithTokens } from "./policies";

/** Plans which applications on the push hosts are taken over and as what, and finds what is lost of whom they let in. */
export function planApplicationAdoptions(plan: PlanWithTokens): void {
  for (const endpoint of plan.config.endpoints) {
    const seen = plan.account.applications
      .filter(({ id }) => resourceWithId(plan, resourceTypes.application, id) === undefined)
      .map((application) => coverageOf(application, endpoint));
    const needed = seen.filter(({ whole, write }) => whole || write);
    for (const one of needed) {
      refuseUnfit(one, endpoint, plan);
    }
    const roles = assignRoles(needed, endpoint, plan);
    planRole("writePaths", roles.writePaths, endpoint, plan);
    planRole("wholeHost", roles.wholeHost, endpoint, plan);
    for (const one of seen.filter(({ whole, write }) => !whole && !write)) {
      findOtherUses(one, endpoint, plan);
    }
  }
}

type Coverage = ReturnType<typeof coverageOf>;

/** What of a push host an application covers; the texts are for messages, and empty where there is nothing of the kind. */
function coverageOf(application: AccountApplication, { hostname, paths }: Endpoint) {
  const destinations = application.destinations.map(destinationOf);
  const here = destinations.filter(({ host }) => host === hostname);
  const elsewhere = destinations.filter(({ host }) => host !== hostname);
  const listed = (some: readonly Destination[]) => some.map(({ host, path }) => host + path).join(" and ");
  return {
    application,
    subject: `application "${application.name}"`,
    whole: here.some(({ path }) => path === ""),
    write: here.some(({ path }) => paths.includes(path)),
    otherPaths: listed(here.filter(({ path }) => path !== "" && !paths.includes(path))),
    otherHosts: listed(elsewhere),
    wildcards: listed(elsewhere.filter((destination) => coversHost(destination, hostname))),
  };
}

/** Refuses an application that `up` would collide with (error 11010), and that cannot be taken over as it is. */
function refuseUnfit(
  { application: { type }, subject, otherHosts }: Coverage,
  { hostname }: Endpoint,
  plan: PlanInProgress,
): void {
  const { refuse } = planMessages(subject, plan);
  if (type !== "self_hosted") {
    refuse(
      `covers ${hostname}, and is of the type ${type}, which cannot be changed`,
      "Delete it or move it to another host in the dashboard",
    );
  }
  if (otherHosts !== "") {
    refuse(
      `covers ${otherHosts} besides ${hostname}, and \`up\` would take the protection away from there`,
      `In the dashboard, first make an application of its own for each path that is used there (the more specific path decides), then take ${otherHosts} out of this one, and cover the rest of that host with an application too`,
    );
  }
}

/**
 * Which application becomes which. One on the whole host becomes the one that lets nobody in: the new one on the write
 * paths stands before it is changed (push-endpoint.ts), so that there is no moment without an application that decides.
 *
 * Except where the tunnel checks for its audience already: there the one that pushes come through has to stay the same,
 * or the connector refuses them until its own rules are changed. It then becomes the one on the write paths, and nothing
 * guards the rest of the host for the moment between two calls.
 */
function assignRoles(
  needed: readonly Coverage[],
  endpoint: Endpoint,
  plan: PlanInProgress,
): Readonly<Record<ApplicationRole, readonly Coverage[]>> {
  const [only] = needed;
  const keepsAudience =
    only !== undefined &&
    needed.length === 1 &&
    idInStack(plan, declaredApplication(endpoint, "writePaths")) === undefined &&
    isCheckedByTunnel(only.application, plan);
  return keepsAudience
    ? { writePaths: needed, wholeHost: [] }
    : {
        writePaths: needed.filter(({ write }) => write),
        wholeHost: needed.filter(({ write }) => !write),
      };
}

function isCheckedByTunnel({ aud }: AccountApplication, { account }: PlanInProgress): boolean {
  return (account.tunnelConfiguration?.rules ?? []).some(({ originRequest: { access } }) => {
    if (typeof access !== "object" || access === null || Reflect.get(access, "required") !== true) {
      return false;
    }
    const tags: unknown = Reflect.get(access, "audTag");
    return Array.isArray(tags) && tags.includes(aud);
  });
}

function planRole(
  role: ApplicationRole,
  candidates: readonly Coverage[],
  endpoint: Endpoint,
  plan: PlanWithTokens,
): void {
  const [one, ...others] = candidates;
  if (one === undefined) {
    return;
  }
  const { signal, hostname } = endpoint;
  const covered = role === "writePaths" ? "the write paths" : "the whole host";
  const holder = idInStack(plan, declaredApplication(endpoint, role));
  if (others.length > 0) {
    const names = candidates.map(({ application }) => `"${application.name}"`).join(" and ");
    plan.refusals.push({
      subject: `sitepass:endpoints.${signal}.hostname`,
      says: `is "${hostname}", and the applications ${names} share ${covered} there, where the stack has one`,
      todo: "In the dashboard, put all of the paths into one of them and delete the others",
    });
  } else if (holder !== undefined) {
    plan.refusals.push({
      subject: one.subject,
      says: `covers ${covered} of ${hostname}, and the stack has another application for that (${holder})`,
      todo: "Delete it in the dashboard",
    });
  } else {
    plan.adoptions.push(adoptionOf(one, role, endpoint, plan));
    findPolicyLosses(one.application, hostname, plan);
    findChangedSettings(one, role, endpoint, plan);
  }
}

function adoptionOf(
  { application, subject }: Coverage,
  role: ApplicationRole,
  endpoint: Endpoint,
  { config, ownPrefix, pushed }: PlanWithTokens,
): Adoption {
  const planned = planApplications(endpoint, ownPrefix)[role];
  const admits = role === "writePaths" && pushed.has(endpoint.signal);
  const policies = application.policies.map(({ name }) => name).join(", ");
  const wanted = admits ? `those that name the sites of ${endpoint.signal}` : "the one that admits nobody";
  // One that an interrupted run left has them already.
  const ours = ownPrefix + (admits ? `push ${endpoint.signal} ` : "nobody");
  const isOurs = policies !== "" && application.policies.every(({ name }) => name.startsWith(ours));
  return {
    becomes: declaredApplication(endpoint, role),
    importId: `accounts/${config.accountId}/${application.id}`,
    object: subject,
    changes: [
      ...changed("name", application.name, planned.name),
      ...changed("domain", application.domain, planned.uris[0]),
      ...changed("destinations", application.destinations.join(", "), planned.uris.join(", ")),
      ...changed("policies", isOurs ? wanted : policies, wanted),
      ...changed("sessionDuration", application.sessionDuration, sessionDuration),
      ...changed("serviceAuth401Redirect", application.serviceAuth401Redirect, true),
      ...changed("appLauncherVisible", application.appLauncherVisible ?? true, false),
    ],
  };
}

function findChangedSettings(
  { application: { tokenHeader, otherSettings }, subject, otherPaths, whole, write }: Coverage,
  role: ApplicationRole,
  { hostname }: Endpoint,
  plan: PlanInProgress,
): void {
  const { lose, note } = planMessages(subject, plan);
  if (tokenHeader !== undefined) {
    lose(
      `takes service tokens from the header ${tokenHeader} too, and \`up\` drops that`,
      "Let every collector send CF-Access-Client-Id and CF-Access-Client-Secret first",
    );
  }
  if (otherSettings.length > 0) {
    note(
      `has settings that the stack does not declare and \`up\` puts back to their defaults: ${otherSettings.join(", ")}.`,
    );
  }
  if (otherPaths !== "") {
    note(`covers ${otherPaths} too, where \`up\` lets nobody in any more.`);
  }
  if (role === "writePaths" && whole) {
    note(
      write
        ? `covers the whole of ${hostname} and a write path. \`up\` narrows it to the write paths, and then makes another one for the rest of the host; for the moment between the two nothing guards that rest.`
        : `becomes the one on the write paths, because the tunnel checks for its audience; \`up\` makes another one for the rest of ${hostname}.`,
    );
  }
}

/** Says what becomes of an application on the host that `up` neither needs nor changes. */
function findOtherUses(
  { application: { policies }, subject, otherPaths, wildcards }: Coverage,
  { hostname }: Endpoint,
  plan: PlanInProgress,
): void {
  const { lose, note } = planMessages(subject, plan);
  if (otherPaths === "") {
    if (wildcards !== "") {
      note(
        `covers ${wildcards} and stays as it is; on ${hostname} the stack's own, more specific applications decide from the next \`up\` on.`,
      );
    }
    return;
  }
  const letsIn = `lets people or programs in on ${otherPaths}`;
  if (policies.every(({ decision }) => decision === "deny")) {
    return;
  }
  if (plan.config.publish.kind === "tunnel") {
    lose(
      `${letsIn}, and the tunnel will lead to the write paths of ${hostname} alone`,
      "Move it to another host name first",
    );
  } else {
    note(
      `${letsIn}, past the stack's refusal of everything but the write paths, and stays as it is. Delete it or move it to another host name if that is not meant.`,
    );
  }
}
