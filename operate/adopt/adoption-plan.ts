import type { Config } from "../../fleet/config";
import type { Problem } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import type { Site, SiteElsewhere } from "../../fleet/sites";
import { planApplications, resourceTypes } from "../../provision/declared-objects";
import type { StackResource } from "../../stack/stack-resources";
import type { ApplicationRole } from "../own-applications";
import type { AccountView } from "./read-account";

/** Everything that a plan rests on. */
export interface AdoptionRequest {
  readonly config: Config;
  /** Prefix of the names of what this stack makes in Cloudflare. */
  readonly ownPrefix: string;
  /** Those that have a file. */
  readonly sites: readonly Site[];
  /** Those that have a file, in other shards. */
  readonly elsewhere: readonly SiteElsewhere[];
  readonly account: AccountView;
  /** What the stack's state holds. */
  readonly resources: readonly StackResource[];
  readonly choices: TokenChoices;
  /** Until when today's secrets keep working beside new ones; undefined: no new ones are made. */
  readonly rotateUntil: string | undefined;
  readonly now: Date;
}

/** What a person said about which tokens become which sites. Tokens are given by name, ID or client ID. */
export interface TokenChoices {
  /** Globs on token names; empty: the tokens that may push today. */
  readonly match: readonly string[];
  readonly named: readonly { readonly token: string; readonly site: string }[];
  /** Tokens to leave alone. */
  readonly skip: readonly string[];
}

/** A plan while it is made: what it rests on, and what each part adds to it. */
export interface PlanInProgress extends AdoptionRequest {
  readonly adoptions: Adoption[];
  /** Why nothing can be adopted as things are. */
  readonly refusals: Problem[];
  /** What works today and would not after the next `up`. */
  readonly losses: Problem[];
  /** What a person should know, though nothing that works today depends on it. */
  readonly notes: string[];
}

/** Adds to a plan what there is to say of one subject. */
export const planMessages = (
  subject: string,
  { refusals, losses, notes }: Pick<PlanInProgress, "refusals" | "losses" | "notes">,
) => ({
  refuse: (says: string, todo: string) => void refusals.push({ subject, says, todo }),
  lose: (says: string, todo: string) => void losses.push({ subject, says, todo }),
  /** @param text whole sentences. */
  note: (text: string) => void notes.push(`${subject}: ${text}`),
});

/** An object of the account, and the resource of the program that it is to become. */
export interface Adoption {
  readonly becomes: DeclaredResource;
  /** As `pulumi import` takes it (facts on the provider: each resource's "Import" section). */
  readonly importId: string;
  /** For people, such as `application "Prometheus"`. */
  readonly object: string;
  /** What the next `up` changes on it, by the names of the provider's inputs, such as `sessionDuration`. */
  readonly changes: readonly { readonly property: string; readonly from: string; readonly to: string }[];
}

/** The change of one property, or none where both values are the same. */
export function changed(property: string, from: unknown, to: unknown): Adoption["changes"] {
  const [before, after] = [from, to].map((value) =>
    value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value),
  );
  return before === after ? [] : [{ property, from: before ?? "", to: after ?? "" }];
}

type ResourceType = (typeof resourceTypes)[keyof typeof resourceTypes];

/** A resource of the program: its logical name is its identity, and its component is part of its URN. */
export interface DeclaredResource {
  readonly type: ResourceType;
  readonly name: string;
  /** What it is called in the state until the next `up`, if it was renamed. */
  readonly formerName?: string;
  readonly component: { readonly type: string; readonly name: string };
}

const declared = (type: ResourceType, name: string, component: string, its: string): DeclaredResource => ({
  type,
  name,
  component: { type: `sitepass:provision:${component}`, name: its },
});

/** provision/site-passes.ts */
export const declaredToken = (site: string) => declared(resourceTypes.token, site, "SitePasses", "sites");

/** provision/push-endpoint.ts */
export function declaredApplication(endpoint: ApplicationPlace, role: ApplicationRole): DeclaredResource {
  const { logicalName, formerName } = planApplications(endpoint, "")[role];
  const resource = declared(resourceTypes.application, logicalName, "PushEndpoint", endpoint.signal);
  return { ...resource, formerName };
}

type ApplicationPlace = Parameters<typeof planApplications>[0];

/** provision/public-tunnel.ts */
export const declaredTunnel = declared(resourceTypes.tunnel, "tunnel", "PublicTunnel", "tunnel");
export const declaredIngress = declared(resourceTypes.ingress, "tunnel-ingress", "PublicTunnel", "tunnel");

/** provision/public-records.ts */
export const declaredRecord = (signal: SignalName) =>
  declared(resourceTypes.record, signal, "PublicRecords", "dns");

type StackState = Pick<AdoptionRequest, "resources">;

/** The stack's resource that an object of Cloudflare's is already, if it is one. */
export const resourceWithId = ({ resources }: StackState, type: ResourceType, id: string) =>
  resources.find((one) => one.type === type && one.id === id);

/** The ID of the object that a resource of the program is already; undefined before it was made or imported. */
export const idInStack = ({ resources }: StackState, { type, name, formerName }: DeclaredResource) =>
  resources.find((one) => one.type === type && [name, formerName].includes(one.name))?.id;
