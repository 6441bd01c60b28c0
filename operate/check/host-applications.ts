import { destinationOf as placeOf, type Destination as Place } from "../../cloudflare/access-evaluation";
import type { Endpoint } from "../../fleet/config";
import type { AccountApplication, AttachedPolicy } from "../../cloudflare/access-applications";
import { findingsOn, type Finding } from "./finding";
import { isOwn, type Ownership } from "./held-objects";

const { problem, warning } = findingsOn("host names");

/** Decisions that let somebody in without a service token. */
const opening: readonly string[] = ["allow", "bypass"];

/**
 * What other applications of the account do on the push hosts, and what was done to this stack's own.
 *
 * Access goes by the most specific destination, which inherits nothing from the others (cloudflare-docs,
 * access-controls/policies/app-paths): another application with a path on a push host overrules the one that refuses
 * everything there, and one on a wildcard host without a path overrules nothing.
 */
export function judgeApplications(
  applications: readonly AccountApplication[],
  endpoints: readonly Endpoint[],
  ownership: Ownership,
): readonly Finding[] {
  return endpoints.flatMap((endpoint) =>
    applications.flatMap((application) =>
      isOwn(ownership, application.id, application.name)
        ? ownFindings(application, endpoint)
        : application.destinations.flatMap((destination) =>
            foreignFindings(application, placeOf(destination), endpoint),
          ),
    ),
  );
}

function foreignFindings(
  { name, policies }: AccountApplication,
  { host, path }: Place,
  { signal, hostname, paths }: Endpoint,
): readonly Finding[] {
  const key = `sitepass:endpoints.${signal}.hostname: is "${hostname}"`;
  if (host === hostname && (path === "" || paths.includes(path))) {
    return [
      problem(
        `${key}, and the Access application "${name}" already covers ${host}${path}. Delete it or move it to another host, take another host name, or bring it into the stack with \`sitepass adopt\`.`,
      ),
    ];
  }
  if (!hostMatches(host, hostname) || path === "") {
    return [];
  }
  const open = policies.map(({ decision }) => decision).find((decision) => opening.includes(decision));
  const covers = `${key}, and the Access application "${name}" covers ${host}${path} there, past this stack's refusal of everything but the write paths`;
  return [
    open === undefined
      ? warning(`${covers}. Move it to another host, if that is not meant.`)
      : problem(
          `${covers}, with the decision "${open}". Move it to another host, or take another host name.`,
        ),
  ];
}

/** In a host name `*` stands for any text within a label (app-paths). */
function hostMatches(pattern: string, hostname: string): boolean {
  const source = pattern.replace(/[\\^$.|?+()[\]{}]/g, "\\$&").replaceAll("*", "[^.]*");
  return new RegExp(`^${source}$`).test(hostname);
}

/** This stack attaches Service Auth policies that name tokens, to the write paths alone, and has refusals answered with 401. */
function ownFindings(
  { name, destinations, policies, serviceAuth401Redirect }: AccountApplication,
  { hostname, signal }: Endpoint,
): readonly Finding[] {
  if (!destinations.some((destination) => placeOf(destination).host === hostname)) {
    return [];
  }
  const its = `sitepass:endpoints.${signal}.hostname: is "${hostname}", and its application "${name}"`;
  return [
    ...policies.flatMap((policy) => {
      const harm = harmOf(policy);
      return harm === undefined
        ? []
        : [
            problem(
              `${its} has the policy "${policy.name}", which this stack did not attach: ${harm}. Detach it in the dashboard, or run \`pulumi refresh\` and \`pulumi up\`.`,
            ),
          ];
    }),
    ...(policies.length === 0 || serviceAuth401Redirect
      ? []
      : [
          problem(
            `${its} answers a wrong token with a redirect, which collectors follow and take for a delivery. Run \`pulumi refresh\` and \`pulumi up\`.`,
          ),
        ]),
  ];
}

function harmOf({ decision, include = [] }: AttachedPolicy): string | undefined {
  if (decision === "allow") {
    return "its decision is allow, so a wrong token is answered with a login page, which collectors take for a delivery";
  }
  if (decision === "bypass") {
    return "its decision is bypass, so everybody may push";
  }
  return decision === "non_identity" &&
    include.some((rule) => "everyone" in rule || "any_valid_service_token" in rule)
    ? "it lets in more than the tokens of sites"
    : undefined;
}
