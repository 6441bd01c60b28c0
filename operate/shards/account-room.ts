import { answered, unseenProblems } from "../../cloudflare/client";
import { listTokens, readTokens } from "../../cloudflare/service-tokens";
import { attempt, distinctProblems, type Problem, type Result } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import type { Site } from "../../fleet/sites";
import { planTokens } from "../../provision/preflight";
import type { OpenStack } from "../../stack/open-stack";
import { readOwnership } from "../ownership";
import type { ProjectFleet } from "./project-fleet";

/** What a stack's account has room for, as far as service tokens go. */
export interface StackRoom {
  readonly stackName: string;
  readonly shard: string;
  readonly accountId: string;
  /** All tokens of the account, other teams' included. */
  readonly tokens: number;
  /** Tokens that the next `up` of each stack on the account makes. */
  readonly toCome: number;
  readonly limit: number;
  /** How many more sites it takes; below zero when its sites need more tokens than it may have. */
  readonly room: number;
  /** What its sites may push. */
  readonly signals: readonly SignalName[];
  readonly sites: readonly RoomSite[];
  /** How many sites one `up` may take away beyond the brake. */
  readonly allowRemovals: number;
}

/** A site of a stack. */
export interface RoomSite extends Pick<Site, "name" | "file" | "shard" | "movingTo" | "signals"> {
  readonly enabled: boolean;
  /** Whether the account has a token for it, or may have. */
  readonly hasToken: boolean;
}

export interface ProjectRoom {
  /** Those that could be looked at, in the order of names. */
  readonly stacks: readonly StackRoom[];
  /** Why others could not be, and what else is to know. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Looks at the account of each stack, one after the other. Changes nothing. */
export async function readProjectRoom({ stacks }: ProjectFleet): Promise<ProjectRoom> {
  const looks: { readonly stackName: string; readonly look: Result<StackLook> }[] = [];
  for (const { stackName, open } of stacks) {
    const opened = await open();
    looks.push({ stackName, look: opened.ok ? await attempt(() => lookAt(opened.value)) : opened });
  }
  const seen = looks.flatMap(({ look }) => (look.ok ? [look.value] : []));
  return {
    stacks: seen.map((one) => withRoom(one, seen)),
    problems: looks.flatMap(({ stackName, look }) =>
      look.ok
        ? []
        : look.problems.map((problem) => ({ ...problem, subject: `stack ${stackName}: ${problem.subject}` })),
    ),
    warnings: distinctProblems(seen.flatMap(({ warnings }) => warnings)),
  };
}

interface StackLook extends Omit<StackRoom, "room"> {
  readonly warnings: readonly Problem[];
}

/** @throws UserError when the account cannot be asked. */
async function lookAt(stack: OpenStack): Promise<StackLook> {
  const { stackName, ownPrefix, sites, config } = stack;
  const { accountId, serviceTokenLimit: limit, shard, endpoints, allowRemovals } = config;
  const listed = await listTokens(await stack.cloudflareApi(), accountId);
  const tokens = answered(listed, `list the service tokens of account ${accountId}`, readTokens);
  const { objects } = await readOwnership(stack);
  const held = objects.kind === "known" ? objects.tokens : undefined;
  const unseen = listed.kind === "answered" ? listed.unseen : undefined;
  const plan = planTokens(tokens, sites, ownPrefix, { held, unseen });
  // One that is there and that this state does not hold may be in use from another checkout.
  const named = planTokens(tokens, sites, ownPrefix);
  return {
    stackName,
    shard,
    accountId,
    limit,
    tokens: plan.existing,
    toCome: plan.toCreate.length,
    allowRemovals,
    signals: endpoints.map(({ signal }) => signal),
    sites: sites.map((site) => ({
      name: site.name,
      file: site.file,
      shard: site.shard,
      ...(site.movingTo === undefined ? {} : { movingTo: site.movingTo }),
      signals: site.signals,
      enabled: site.token.enabled,
      hasToken: !plan.toCreate.includes(site.name) || !named.toCreate.includes(site.name),
    })),
    warnings: unseenProblems(listed, `service tokens (account ${accountId})`),
  };
}

/** Stacks may share an account, and its limit: a test of one beside it, for instance. */
function withRoom(stack: StackLook, all: readonly StackLook[]): StackRoom {
  const sharing = all.filter(({ accountId }) => accountId === stack.accountId);
  const toCome = sharing.reduce((sum, one) => sum + one.toCome, 0);
  const limit = Math.min(...sharing.map((one) => one.limit));
  return { ...stack, toCome, limit, room: limit - stack.tokens - toCome };
}

/** How many more sites a shard takes: as many as the fullest account of its stacks. */
export function roomByShard(stacks: readonly StackRoom[]): ReadonlyMap<string, number> {
  const rooms = new Map<string, number>();
  for (const { shard, room } of stacks) {
    rooms.set(shard, Math.min(rooms.get(shard) ?? room, room));
  }
  return rooms;
}

/** The stacks of shards that could be looked at whole: of another, nobody knows what room it has or which sites have a token. */
export const wholeShards = (
  project: Pick<ProjectFleet, "stacks">,
  { stacks }: ProjectRoom,
): readonly StackRoom[] => {
  const unread = project.stacks.filter(({ stackName }) => stacks.every((one) => one.stackName !== stackName));
  return stacks.filter(({ shard }) => unread.every((one) => one.shard !== shard));
};
