import { planApplications, sessionDuration } from "../../provision/declared-objects";
import type { Config, Endpoint } from "../../fleet/config";
import type { AccountApplication } from "../../cloudflare/access-applications";
import { declaredApplication, resourceTypes, type ApplicationRole } from "./declared";
import { judgeBystander } from "./judge-bystander";
import { judgePolicies } from "./judge-policies";
import type { KnownResources } from "./known-resources";
import { changed, nothing, together, type Adoption, type Part } from "./part";
import { onHost, type OnHost } from "./on-host";
import { shownPlace } from "./place";
import type { AccountView } from "./read-account";

/** What the plan of applications rests on. */
export interface ApplicationsContext {
  readonly config: Config;
  readonly ownPrefix: string;
  readonly view: AccountView;
  readonly known: KnownResources;
  /** IDs of the tokens that are to be sites, or are already. */
  readonly tokenIds: ReadonlySet<string>;
  /** Signals that somebody is to push; the others' applications get no policy. */
  readonly pushed: ReadonlySet<string>;
}

/** The applications on the push hosts: which are taken over and as what, and what becomes of who they let in. */
export function planApplicationAdoptions(context: ApplicationsContext): Part {
  return together(
    context.config.endpoints.flatMap((endpoint) => {
      const seen = context.view.applications
        .filter(({ id }) => context.known.nameOf(resourceTypes.application, id) === undefined)
        .map((application) => onHost(application, endpoint));
      const claiming = seen.filter(({ whole, write }) => whole || write);
      return [
        ...claiming.map((one) => standingInTheWay(one, endpoint)),
        ...planRoles(claiming, endpoint, context),
        ...seen
          .filter(({ whole, write }) => !whole && !write)
          .map((one) => judgeBystander(one, endpoint, context.config)),
      ];
    }),
  );
}

/** An application that `up` would collide with (error 11010), and that cannot be taken over as it is. */
function standingInTheWay({ application, elsewhere }: OnHost, { hostname }: Endpoint): Part {
  const subject = `application "${application.name}"`;
  const refusals: string[] = [];
  if (application.type !== "self_hosted") {
    refusals.push(
      `${subject}: covers ${hostname}, and is of the type ${application.type}, which cannot be changed. Delete it or move it to another host in the dashboard.`,
    );
  }
  if (elsewhere.length > 0) {
    const others = elsewhere.map(shownPlace).join(" and ");
    refusals.push(
      `${subject}: covers ${others} beside ${hostname}, and \`up\` would take its protection away from there. In the dashboard, first make an application of its own for each path that is used there (the more specific path decides), then take ${others} out of this one, and cover the rest of that host with an application too.`,
    );
  }
  return { ...nothing, refusals };
}

/**
 * Which application becomes which. One on the whole host becomes the one that lets nobody in: the new one on the write
 * paths stands before it is changed (push-endpoint.ts), so that there is no moment without an application that decides.
 *
 * Except where the tunnel checks for its audience already: there the one that pushes come through has to stay the same,
 * or the connector refuses them until its own rules are changed. It then becomes the one on the write paths, and nothing
 * guards the rest of the host for the moment between two calls.
 */
function planRoles(
  claiming: readonly OnHost[],
  endpoint: Endpoint,
  context: ApplicationsContext,
): readonly Part[] {
  const write = claiming.filter((one) => one.write);
  const whole = claiming.filter((one) => one.whole && !one.write);
  const [only] = whole;
  const moves =
    only !== undefined &&
    whole.length === 1 &&
    write.length === 0 &&
    context.known.idOf(declaredApplication(endpoint.signal, "write-paths")) === undefined &&
    isCheckedByTunnel(only.application, context);
  return [
    planRole(moves ? whole : write, "write-paths", endpoint, context),
    planRole(moves ? [] : whole, "whole-host", endpoint, context),
  ];
}

function isCheckedByTunnel({ aud }: AccountApplication, { view }: ApplicationsContext): boolean {
  return (view.ingress?.rules ?? []).some(({ originRequest: { access } }) => {
    if (typeof access !== "object" || access === null || Reflect.get(access, "required") !== true) {
      return false;
    }
    const tags: unknown = Reflect.get(access, "audTag");
    return Array.isArray(tags) && tags.includes(aud);
  });
}

function planRole(
  claiming: readonly OnHost[],
  role: ApplicationRole,
  endpoint: Endpoint,
  context: ApplicationsContext,
): Part {
  const [one, ...others] = claiming;
  if (one === undefined) {
    return nothing;
  }
  const becomes = declaredApplication(endpoint.signal, role);
  const names = claiming.map(({ application }) => `"${application.name}"`).join(" and ");
  const part = role === "write-paths" ? "the write paths" : "the whole host";
  if (others.length > 0) {
    return {
      ...nothing,
      refusals: [
        `sitepass:endpoints.${endpoint.signal}.hostname: is "${endpoint.hostname}", and the applications ${names} share ${part} there, where the stack has one. In the dashboard, put all of the paths into one of them and delete the others.`,
      ],
    };
  }
  const holder = context.known.idOf(becomes);
  if (holder !== undefined) {
    return {
      ...nothing,
      refusals: [
        `application ${names}: covers ${part} of ${endpoint.hostname}, and the stack has another application for that (${holder}). Delete it in the dashboard.`,
      ],
    };
  }
  return together([
    { ...nothing, adoptions: [adoptionOf(one, role, endpoint, context)] },
    judgePolicies(one.application, endpoint, context),
    judgeSettings(one, role, endpoint),
  ]);
}

function adoptionOf(
  { application }: OnHost,
  role: ApplicationRole,
  endpoint: Endpoint,
  { config, ownPrefix, pushed }: ApplicationsContext,
): Adoption {
  const planned = planApplications(endpoint, ownPrefix)[role === "write-paths" ? "writePaths" : "wholeHost"];
  const admits = role === "write-paths" && pushed.has(endpoint.signal);
  return {
    becomes: declaredApplication(endpoint.signal, role),
    importId: `accounts/${config.accountId}/${application.id}`,
    object: `application "${application.name}"`,
    changes: [
      ...changed("name", application.name, planned.name),
      ...changed("domain", application.domain, planned.uris[0]),
      ...changed("destinations", application.destinations.join(", "), planned.uris.join(", ")),
      ...changed(
        "policies",
        application.policies.map(({ name }) => name).join(", "),
        admits ? `those that name the sites of ${endpoint.signal}` : "",
      ),
      ...changed("sessionDuration", application.sessionDuration, sessionDuration),
      ...changed("serviceAuth401Redirect", application.serviceAuth401Redirect, admits),
      ...changed("appLauncherVisible", application.appLauncherVisible ?? true, false),
    ],
  };
}

function judgeSettings(
  { application, otherPaths, whole, write }: OnHost,
  role: ApplicationRole,
  endpoint: Endpoint,
): Part {
  const subject = `application "${application.name}"`;
  const { hostname } = endpoint;
  return {
    ...nothing,
    losses:
      application.tokenHeader === undefined
        ? []
        : [
            `${subject}: takes service tokens from the header ${application.tokenHeader} too, and \`up\` drops that. Let every collector send CF-Access-Client-Id and CF-Access-Client-Secret first.`,
          ],
    notes: [
      ...(application.otherSettings.length === 0
        ? []
        : [
            `${subject}: has settings that the stack does not declare and \`up\` puts back to their defaults: ${application.otherSettings.join(", ")}.`,
          ]),
      ...(otherPaths.length === 0
        ? []
        : [
            `${subject}: covers ${otherPaths.map(shownPlace).join(" and ")} too, where \`up\` lets nobody in any more.`,
          ]),
      ...(role === "write-paths" && whole
        ? [
            write
              ? `${subject}: covers the whole of ${hostname} beside a write path. \`up\` narrows it to the write paths, and then puts another one on the rest of the host; for the moment between the two nothing guards that rest.`
              : `${subject}: becomes the one on the write paths, because the tunnel checks for its audience; another one comes on the rest of ${hostname}.`,
          ]
        : []),
    ],
  };
}
