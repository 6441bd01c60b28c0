import { listApplicationsWithRules, type AccountApplication } from "../../cloudflare/access-applications";
import { coversHost, destinationOf, type Destination } from "../../cloudflare/access-evaluation";
import { unseenProblems } from "../../cloudflare/client";
import { addressTypes, type ZoneRecord } from "../../cloudflare/dns-records";
import type { Endpoint } from "../../fleet/config";
import type { Problem } from "../../fleet/problem";
import { planApplications, resourceTypes } from "../../provision/declared-objects";
import { permissionFinding } from "./api-token";
import { goneFrom, makeItAgain, notHeld, ownerOf, takeItIn, type Ownership } from "../ownership";
import {
  attachedByHand,
  hostnameKey,
  letsInOthers,
  missingApplications,
  namesInState,
  ownApplications,
  refreshAndUp,
  type OwnApplicationsContext,
} from "../own-applications";
import type { CheckContext } from "./check-context";
import { findingsOn, type Finding } from "./finding";

const { ok, problem, warning } = findingsOn("host names");

/** Who and what else is on the push hosts: Access applications and DNS records. */
export async function checkHostNames(context: CheckContext): Promise<readonly Finding[]> {
  return (await Promise.all([checkApplications(context), checkRecords(context)])).flat();
}

async function checkApplications({ stack, api, probe, ...asked }: CheckContext): Promise<readonly Finding[]> {
  const { accountId, endpoints } = stack.config;
  const [read, write, ownership, tokens] = await Promise.all([
    listApplicationsWithRules(api, accountId),
    probe("policies"),
    asked.ownership,
    asked.tokens,
  ]);
  const permission = permissionFinding("policies", read, write);
  if (read.kind !== "answered") {
    return [permission];
  }
  const context = {
    applications: read.value,
    complete: read.unseen === undefined,
    ownership,
    tokens: tokens.kind === "answered" ? tokens.value : undefined,
  };
  const findings = endpoints.flatMap((endpoint) => [
    ...read.value.flatMap((application) => {
      const owner = ownerOf(ownership, application.id, application.name);
      if (owner === "this stack") {
        return [];
      }
      const left = owner === "left over" ? leftOverApplication(application, endpoint) : undefined;
      return left !== undefined
        ? [problem(left)]
        : application.destinations.flatMap(
            (uri) => otherFinding(application, destinationOf(uri), endpoint) ?? [],
          );
    }),
    ...ownFindings(context, endpoint).map(problem),
  ]);
  // Of the present host names, missingApplications says more.
  const names = endpoints.flatMap((endpoint) =>
    Object.values(planApplications(endpoint, ownership.ownPrefix)).flatMap(namesInState),
  );
  const gone = goneFrom(ownership, resourceTypes.application, read.value)
    .filter(({ name }) => !names.includes(name))
    .map(({ name, id }) =>
      problem({
        subject: `application ${name}`,
        says: `is not in the account any more, and the stack holds it (ID ${id})`,
        todo: makeItAgain,
      }),
    );
  return [
    permission,
    ...unseenProblems(read, "Access applications").map(warning),
    ...gone,
    ...endpoints.flatMap((endpoint) => untoldAnswers(context, endpoint)).map(warning),
    ...(findings.length > 0 ? findings : [ok("no foreign Access application is on the push hosts")]),
  ];
}

const standsInTheWay = ({ host, path }: Destination, { hostname, paths }: Endpoint): boolean =>
  host === hostname && (path === "" || paths.includes(path));

/** What is wrong with an application that is left over; undefined for one that stands in the way of none of the stack's. */
export function leftOverApplication(
  { id, name, destinations }: AccountApplication,
  endpoint: Endpoint,
): Problem | undefined {
  const covered = destinations.map(destinationOf).filter((one) => standsInTheWay(one, endpoint));
  const listed = covered.map(({ host, path }) => host + path).join(" and ");
  return covered.length === 0
    ? undefined
    : {
        subject: hostnameKey(endpoint),
        says: `is "${endpoint.hostname}", and the Access application "${name}" on ${listed} ${notHeld(id)}`,
        todo: takeItIn,
      };
}

/**
 * What an application that the stack does not hold does on a push host. One that covers the host or a write path stands in the way of this stack's
 * own. One with another path there comes before the one that refuses everything on the host, and inherits nothing from it
 * (see access-evaluation.ts). One on a wildcard host without a path comes before nothing.
 */
function otherFinding(
  { name, policies }: AccountApplication,
  destination: Destination,
  endpoint: Endpoint,
): Finding | undefined {
  const { hostname } = endpoint;
  const { host, path } = destination;
  const subject = hostnameKey(endpoint);
  const application = `is "${hostname}", and the Access application "${name}"`;
  if (standsInTheWay(destination, endpoint)) {
    return problem({
      subject,
      says: `${application} already covers ${host}${path}`,
      todo: "Delete it or move it to another host, take another host name, or bring it into the stack with `npx sitepass adopt`",
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
  const decision =
    open.decision === ""
      ? "with a decision that Cloudflare does not say"
      : `with the decision "${open.decision}"`;
  const others = open.decision === "non_identity" ? " for more than the tokens that it names" : "";
  return problem({
    subject,
    says: `${says}, ${decision}${others}`,
    todo: "Move it to another host, or take another host name",
  });
}

/** What was done to this stack's own applications on a push host. */
function ownFindings(context: OwnApplicationsContext, endpoint: Endpoint): readonly Problem[] {
  // Which refusals are answered with 401 is a setting of the application, which needs a policy (docs/facts/cloudflare.md, C32).
  const redirecting = ownApplications(context, endpoint).filter(
    ({ policies, serviceAuth401Redirect }) => policies.length > 0 && serviceAuth401Redirect === false,
  );
  return [
    ...missingApplications(context, endpoint),
    ...attachedByHand(context, endpoint),
    ...redirecting.map(({ name }) => ({
      subject: hostnameKey(endpoint),
      says: `is "${endpoint.hostname}", and its application "${name}" answers a wrong token with a redirect, which collectors follow and take for a delivery`,
      todo: refreshAndUp,
    })),
  ];
}

/** Of the stack's own applications, those that do not say how they refuse. */
const untoldAnswers = (context: OwnApplicationsContext, endpoint: Endpoint): readonly Problem[] =>
  ownApplications(context, endpoint)
    .filter(
      ({ policies, serviceAuth401Redirect }) => policies.length > 0 && serviceAuth401Redirect === undefined,
    )
    .map(({ name }) => ({
      subject: hostnameKey(endpoint),
      says: `is "${endpoint.hostname}", and whether its application "${name}" answers a wrong token with 401 or with a redirect cannot be told`,
      todo: "Run `npx sitepass verify`, which tries it",
    }));

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
  const gone = endpoints.flatMap((endpoint, index) => {
    const read = records[index];
    const there = read?.kind === "answered" ? read.value : undefined;
    const missing =
      there === undefined
        ? undefined
        : goneFrom(own, resourceTypes.record, there).find(({ name }) => name === endpoint.signal);
    return missing === undefined
      ? []
      : [
          warning({
            subject: hostnameKey(endpoint),
            says: `is "${endpoint.hostname}", and the DNS record that the stack holds (ID ${missing.id}) is not there`,
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
const inTheWay: readonly string[] = [...addressTypes, "NS"];

/** What is wrong with a record that is left over at an endpoint's host name; undefined for every other. */
export function leftOverRecord(
  { id, name, type, content, comment }: ZoneRecord,
  endpoint: Endpoint,
  ownership: Ownership,
): Problem | undefined {
  const { hostname } = endpoint;
  return name !== hostname || !inTheWay.includes(type) || ownerOf(ownership, id, comment) !== "left over"
    ? undefined
    : {
        subject: hostnameKey(endpoint),
        says: `is "${hostname}", and its DNS record ${type} ${content} ${notHeld(id)}`,
        todo: takeItIn,
      };
}

/** What is wrong with a record at an endpoint's host name: it is not this stack's own, or not proxied. */
function recordFinding(record: ZoneRecord, endpoint: Endpoint, ownership: Ownership): Finding | undefined {
  const { id, name, type, content, comment, proxied } = record;
  const { hostname } = endpoint;
  const subject = hostnameKey(endpoint);
  if (name !== hostname || !inTheWay.includes(type)) {
    return undefined;
  }
  const left = leftOverRecord(record, endpoint, ownership);
  if (left !== undefined) {
    return problem(left);
  }
  const owner = ownerOf(ownership, id, comment);
  if (owner === "another") {
    const shown = comment === "" ? "no comment" : `the comment "${comment}"`;
    return problem({
      subject,
      says: `is "${hostname}", which already has the DNS record ${type} ${content} (with ${shown}), not of this stack`,
      todo: "Delete it, take another host name, or bring it into the stack with `npx sitepass adopt`",
    });
  }
  const says = `is "${hostname}", and its DNS record is not proxied: pushes go around Access`;
  const todo = "Turn the proxy on in the dashboard, or run `pulumi up --refresh`";
  return proxied ? undefined : problem({ subject, says, todo });
}
