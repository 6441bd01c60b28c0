import { hostNameOf } from "./host-names";
import { listIn, textIn, valueIn } from "./properties";
import { isKind, type Resource, type StackResource } from "./resources";
import type { Settings } from "./settings";

/** A host, and the place on it that a path stands for: what is below it, too. */
export interface Place {
  readonly host: string;
  /** What is sure of it, which is what comes before the first star. */
  readonly path: string;
  /** Whether more may come without a slash in between, as with `/api/v1/wri*`. */
  readonly isBeginning: boolean;
  /** Whether everything on the host is covered: not with a path of which only the beginning is open, such as an empty one of a star and more. */
  readonly isWhole: boolean;
}

/** The public places that an Access application covers. */
export function placesOf({ props }: Resource): readonly Place[] {
  const destinations = listIn(props, "destinations")
    .filter((destination) => (textIn(destination, "type") ?? "public") === "public")
    .map((destination) => textIn(destination, "uri"));
  const uris = [...destinations, textIn(props, "domain"), ...listIn(props, "selfHostedDomains")];
  return uris.filter((uri): uri is string => typeof uri === "string" && uri !== "").map(placeOf);
}

function placeOf(uri: string): Place {
  const [, host = "", path = ""] = /^(?:https?:\/\/)?([^/]*)(.*)$/is.exec(uri) ?? [];
  const [sure = "", ...more] = path.split("*");
  return {
    host: hostNameOf(host.replace(/:\d+$/, "")),
    path: sure.replace(/\/+$/, ""),
    isBeginning: more.length > 0 && /[^/]$/.test(sure),
    isWhole: /^\/*\**$/.test(path),
  };
}

/** One rule of a tunnel's ingress. */
export interface IngressRule {
  /** Its place in the list, from 1. */
  readonly number: number;
  /** As text for a message. */
  readonly title: string;
  readonly hostname: string | undefined;
  readonly path: string | undefined;
  /** Empty where it is not known yet. */
  readonly service: string;
  readonly originRequest: unknown;
}

export function ingressRulesOf({ props }: Resource): readonly IngressRule[] {
  return listIn(props, "config", "ingresses").map((rule, index) => {
    const hostname = hostNameOf(textIn(rule, "hostname") ?? "");
    return {
      number: index + 1,
      title: `ingress rule ${index + 1} (${hostname === "" ? "every host name" : hostname})`,
      hostname: hostname === "" ? undefined : hostname,
      path: textIn(rule, "path"),
      service: textIn(rule, "service") ?? "",
      originRequest: valueIn(rule, "originRequest"),
    };
  });
}

/** What is answered by cloudflared itself, and leads to no store. */
export const leadsNowhere = ({ service }: IngressRule): boolean => /^http_status:\d+$/.test(service);

/**
 * Which hosts are pushed to, and through what.
 *
 * A push host is one that the stack's configuration names, one with an application on a write path, or one whose ingress rule
 * lets a write path through. A push application is one that covers a push host as a whole, a write path on it, or what leads
 * to one: it is what answers a push. An application on another path of the host, or on another host, is none, nor is one on
 * a wildcard, which every application on the host itself goes before.
 */
export class Pushes {
  readonly hosts: ReadonlySet<string>;
  readonly #settings: Settings;
  /** Write paths by what is declared, which may be longer than those that are known. */
  readonly #writePlaces: readonly Place[];

  /** @param resources all that are known of: a single one, or those of a stack. */
  constructor(settings: Settings, resources: readonly Resource[]) {
    this.#settings = settings;
    this.#writePlaces = resources
      .filter((resource) => isKind(resource, "application"))
      .flatMap(placesOf)
      .filter(({ host, path }) => host !== "" && !host.includes("*") && this.#isWritePath(path));
    const hostsOfRules = resources
      .filter((resource) => isKind(resource, "ingress"))
      .flatMap(ingressRulesOf)
      .filter((rule) => !leadsNowhere(rule) && this.#letsPushesThrough(rule))
      .flatMap(({ hostname }) => hostname ?? []);
    this.hosts = new Set([...settings.hosts, ...this.#writePlaces.map(({ host }) => host), ...hostsOfRules]);
  }

  isPushApplication(resource: Resource): boolean {
    return isKind(resource, "application") && this.pushPlacesOf(resource).length > 0;
  }

  /** The places of an application that answer pushes. */
  pushPlacesOf(resource: Resource): readonly Place[] {
    return placesOf(resource).filter((place) => this.hosts.has(place.host) && this.#answersPushes(place));
  }

  /** Whether requests for a push host may come to an ingress rule. */
  servesPushHost({ hostname }: IngressRule): boolean {
    return (
      this.hosts.size > 0 &&
      (hostname === undefined ||
        this.hosts.has(hostname) ||
        (hostname.startsWith("*.") && [...this.hosts].some((host) => host.endsWith(hostname.slice(1)))))
    );
  }

  /** Whether a tunnel's ingress is one that pushes come through. */
  isPushIngress(resource: Resource): boolean {
    return (
      isKind(resource, "ingress") &&
      ingressRulesOf(resource).some(
        (rule) => !leadsNowhere(rule) && (this.servesPushHost(rule) || this.#letsPushesThrough(rule)),
      )
    );
  }

  /** The push host that an address record leads to; undefined for every other record. */
  hostOfRecord(resource: Resource): string | undefined {
    const given = textIn(resource.props, "name");
    const name = given === undefined ? undefined : hostNameOf(given);
    const type = textIn(resource.props, "type");
    return isKind(resource, "record") &&
      name !== undefined &&
      type !== undefined &&
      /^(?:A|AAAA|CNAME)$/.test(type)
      ? // The name may be the part before the zone's.
        [...this.hosts].find((host) => host === name || (!name.includes("*") && host.startsWith(`${name}.`)))
      : undefined;
  }

  #answersPushes({ host, path, isBeginning }: Place): boolean {
    const writePaths = [
      ...this.#settings.writePaths,
      ...this.#writePlaces.filter((place) => place.host === host).map((place) => place.path),
    ];
    return (
      path === "" ||
      this.#isWritePath(path) ||
      writePaths.some((known) => known.startsWith(isBeginning ? path : `${path}/`))
    );
  }

  #isWritePath(path: string): boolean {
    return this.#settings.writePaths.some((known) => path.endsWith(known));
  }

  #letsPushesThrough({ path }: IngressRule): boolean {
    if (path === undefined) {
      return false;
    }
    try {
      const pattern = new RegExp(path);
      return this.#settings.writePaths.some((known) => pattern.test(known));
    } catch {
      // Go's patterns have forms that JavaScript does not know.
      return this.#settings.writePaths.some((known) => path.includes(known));
    }
  }
}

/** A policy of an application: one of its own, a reusable one that the stack declares, or a group that one of these lets in. */
export interface AttachedPolicy {
  readonly title: string;
  /** `allow`, `bypass`, `deny` or `non_identity`; empty where it is not said here, and for a group. */
  readonly decision: string;
  readonly includes: readonly unknown[];
}

/** The policies that an application has of its own. What is attached by ID says no decision. */
export const ownPolicies = (application: Resource): readonly AttachedPolicy[] =>
  listIn(application.props, "policies").map((policy, index) => policyIn(policy, `its policy ${index + 1}`));

/** The reusable policies of the stack that are attached to an application. */
export function reusablePolicies(
  application: StackResource,
  resources: readonly StackResource[],
): readonly StackResource[] {
  const ids = listIn(application.props, "policies").map((policy) => textIn(policy, "id") ?? policy);
  return resources.filter(
    (resource) =>
      isKind(resource, "policy") &&
      (application.sourcesOf("policies").some(({ urn }) => urn === resource.urn) ||
        // Older stacks kept no dependencies of properties; an ID is known once the policy is made.
        ids.includes(textIn(resource.props, "id"))),
  );
}

/** The groups of the stack that the policies of an application name. */
export function groupsOf(
  application: StackResource,
  resources: readonly StackResource[],
): readonly StackResource[] {
  const named = [
    ...application.sourcesOf("policies"),
    ...reusablePolicies(application, resources).flatMap((policy) => policy.sourcesOf("includes")),
  ].map(({ urn }) => urn);
  return resources.filter((resource) => isKind(resource, "group") && named.includes(resource.urn));
}

export const policyIn = (props: unknown, title: string): AttachedPolicy => ({
  title,
  decision: textIn(props, "decision") ?? "",
  includes: listIn(props, "includes"),
});
