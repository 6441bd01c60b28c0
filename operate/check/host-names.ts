import {
  listApplicationsWithRules,
  type AccountApplication,
  type AttachedPolicy,
} from "../../cloudflare/access-applications";
import {
  coversHost,
  destinationOf,
  policyLetsIn,
  unnamedToken,
  type Destination,
} from "../../cloudflare/access-evaluation";
import type { ZoneRecord } from "../../cloudflare/dns-records";
import type { Endpoint } from "../../fleet/config";
import { resourceTypes } from "../../provision/declared-objects";
import { permissionFinding } from "./api-token";
import {
  goneFrom,
  makeItAgain,
  notHeld,
  ownerOf,
  takeItIn,
  type CheckContext,
  type Ownership,
} from "./check-context";
import { findingsOn, type Finding } from "./finding";

const { ok, problem, warning } = findingsOn("host names");

/** Who and what else is on the push hosts: Access applications and DNS records. */
export async function checkHostNames(context: CheckContext): Promise<readonly Finding[]> {
  return (await Promise.all([checkApplications(context), checkRecords(context)])).flat();
}

async function checkApplications({
  stack,
  api,
  probe,
  ownership,
}: CheckContext): Promise<readonly Finding[]> {
  const { accountId, endpoints } = stack.config;
  const [read, write, own] = await Promise.all([
    listApplicationsWithRules(api, accountId),
    probe("policies"),
    ownership,
  ]);
  const permission = permissionFinding("policies", read, write);
  if (read.kind !== "answered") {
    return [permission];
  }
  const findings = endpoints.flatMap((endpoint) =>
    read.value.flatMap((application) => {
      const owner = ownerOf(own, application.id, application.name);
      return owner === "this stack"
        ? ownFindings(application, endpoint)
        : application.destinations.flatMap(
            (uri) => otherFinding(application, destinationOf(uri), endpoint, owner) ?? [],
          );
    }),
  );
  const gone = goneFrom(own, resourceTypes.application, read.value).map(({ name, id }) =>
    problem({
      subject: `application ${name}`,
      says: `is not in the account any more, and the stack holds it (ID ${id})`,
      todo: makeItAgain,
    }),
  );
  return [
    permission,
    ...gone,
    ...(findings.length > 0 ? findings : [ok("no foreign Access application is on the push hosts")]),
  ];
}

const keyOf = ({ signal }: Endpoint): string => `sitepass:endpoints.${signal}.hostname`;

/**
 * What an application that the stack does not hold does on a push host. One that covers the host or a write path stands in the way of this stack's
 * own. One with another path there comes before the one that refuses everything on the host, and inherits nothing from it
 * (see access-evaluation.ts). One on a wildcard host without a path comes before nothing.
 */
function otherFinding(
  { id, name, policies }: AccountApplication,
  destination: Destination,
  endpoint: Endpoint,
  owner: "left over" | "another",
): Finding | undefined {
  const { hostname, paths } = endpoint;
  const { host, path } = destination;
  const subject = keyOf(endpoint);
  const application = `is "${hostname}", and the Access application "${name}"`;
  if (host === hostname && (path === "" || paths.includes(path))) {
    if (owner === "left over") {
      const says = `${application} on ${host}${path} ${notHeld(id)}`;
      return problem({ subject, says, todo: takeItIn });
    }
    return problem({
      subject,
      says: `${application} already covers ${host}${path}`,
      todo: "Delete it or move it to another host, take another host name, or bring it into the stack with `sitepass adopt`",
    });
  }
  if (!coversHost(destination, hostname) || path === "") {
    return undefined;
  }
  const order =
    host === hostname
      ? "past this stack's refusal of everything but the write paths"
      : "and Cloudflare does not document that this stack's own applications come before it";
  const says = `${application} covers ${host}${path} there, ${order}`;
  const open = policies.find((policy) => policy.decision === "allow" || letsInOthers(policy));
  if (open === undefined) {
    return warning({ subject, says, todo: "Move it to another host, if that is not meant" });
  }
  const others = open.decision === "non_identity" ? " for more than the tokens that it names" : "";
  return problem({
    subject,
    says: `${says}, with the decision "${open.decision}"${others}`,
    todo: "Move it to another host, or take another host name",
  });
}

/** Whether a policy lets somebody in, or may, who has no token that it names. */
const letsInOthers = (policy: AttachedPolicy): boolean =>
  ([unnamedToken, "without a token"] as const).some((sender) => policyLetsIn(policy, sender) !== "no");

/** This stack attaches Service Auth policies that name tokens, to the write paths alone, and has refusals answered with 401. */
function ownFindings(
  { name, destinations, policies, serviceAuth401Redirect }: AccountApplication,
  endpoint: Endpoint,
): readonly Finding[] {
  const { hostname } = endpoint;
  if (!destinations.some((uri) => destinationOf(uri).host === hostname)) {
    return [];
  }
  const subject = keyOf(endpoint);
  const its = `is "${hostname}", and its application "${name}"`;
  const findings = policies.flatMap((policy) => {
    const harm = harmOf(policy);
    const says = `${its} has the policy "${policy.name}", which this stack did not attach: ${harm}`;
    const todo = "Detach it in the dashboard, or run `pulumi refresh` and `pulumi up`";
    return harm === undefined ? [] : [problem({ subject, says, todo })];
  });
  if (policies.length > 0 && !serviceAuth401Redirect) {
    const says = `${its} answers a wrong token with a redirect, which collectors follow and take for a delivery`;
    findings.push(problem({ subject, says, todo: "Run `pulumi refresh` and `pulumi up`" }));
  }
  return findings;
}

function harmOf(policy: AttachedPolicy): string | undefined {
  switch (policy.decision) {
    case "allow":
      return "its decision is allow, so a wrong token is answered with a login page, which collectors take for a delivery";
    case "bypass":
      return `its decision is bypass, so ${policyLetsIn(policy, "without a token") === "yes" ? "everybody" : "whoever its rules match"} may push`;
    case "non_identity":
      return letsInOthers(policy) ? "it lets in more than the tokens of sites" : undefined;
    default:
      return undefined;
  }
}

async function checkRecords({ stack, probe, ...asked }: CheckContext): Promise<readonly Finding[]> {
  const [zone, records, own] = await Promise.all([asked.zone, asked.records, asked.ownership]);
  if (zone.kind !== "answered" || zone.value === undefined) {
    return [];
  }
  const write = await probe("records", zone.value.id);
  const { endpoints } = stack.config;
  const permissions = records.map((read) => permissionFinding("records", read, write));
  const findings = endpoints.flatMap((endpoint, index) => {
    const read = records[index];
    return read?.kind === "answered"
      ? read.value.flatMap((record) => recordFinding(record, endpoint, own) ?? [])
      : [];
  });
  // Of each host, only what stands at its present name was asked for.
  const gone = endpoints.flatMap(({ signal, hostname }, index) => {
    const read = records[index];
    const there = read?.kind === "answered" ? read.value : undefined;
    const missing =
      there === undefined
        ? undefined
        : goneFrom(own, resourceTypes.record, there).find(({ name }) => name === signal);
    return missing === undefined
      ? []
      : [
          warning({
            subject: `sitepass:endpoints.${signal}.hostname`,
            says: `is "${hostname}", and the DNS record that the stack holds (ID ${missing.id}) is not there`,
            todo: `If the host name was changed, run \`pulumi up\`. ${makeItAgain}`,
          }),
        ];
  });
  const allFree = findings.length === 0 && records.every(({ kind }) => kind === "answered");
  const hosts = endpoints.map(({ hostname }) => hostname).join(" and ");
  return [
    ...permissions,
    ...gone,
    ...findings,
    ...(allFree ? [ok(`no foreign DNS record stands at ${hosts}`)] : []),
  ];
}

/**
 * Types that cannot stand beside the record that `up` makes: A, AAAA and CNAME exclude each other or would take a part of
 * the pushes elsewhere, and NS shares its name with nothing (cloudflare 7.3.0 dns/records.d.ts; errors 81053, 81054).
 */
const inTheWay: readonly string[] = ["A", "AAAA", "CNAME", "NS"];

/** What is wrong with a record at an endpoint's host name: it is not this stack's own, or not proxied. */
function recordFinding(
  { id, name, type, content, comment, proxied }: ZoneRecord,
  endpoint: Endpoint,
  ownership: Ownership,
): Finding | undefined {
  const { hostname } = endpoint;
  const subject = keyOf(endpoint);
  if (name !== hostname || !inTheWay.includes(type)) {
    return undefined;
  }
  const owner = ownerOf(ownership, id, comment);
  if (owner === "left over") {
    const says = `is "${hostname}", and its DNS record ${type} ${content} ${notHeld(id)}`;
    return problem({ subject, says, todo: takeItIn });
  }
  if (owner === "another") {
    const shown = comment === "" ? "no comment" : `the comment "${comment}"`;
    return problem({
      subject,
      says: `is "${hostname}", which already has the DNS record ${type} ${content} (with ${shown}), not of this stack`,
      todo: "Delete it, take another host name, or bring it into the stack with `sitepass adopt`",
    });
  }
  const says = `is "${hostname}", and its DNS record is not proxied: pushes go around Access`;
  const todo = "Turn the proxy on in the dashboard, or run `pulumi refresh` and `pulumi up`";
  return proxied ? undefined : problem({ subject, says, todo });
}
