import type { StackRoom } from "../../operate/shards/account-room";
import type { Terminal } from "../terminal";

/**
 * What each stack's account has and takes, for people.
 *
 * @param roomAfter by account, where something is planned.
 */
export const roomTable = (
  { table }: Terminal,
  stacks: readonly StackRoom[],
  roomAfter?: ReadonlyMap<string, number>,
): string =>
  table(
    [
      ...["stack", "shard", "account", "tokens", "to come", "limit", "room"],
      ...(roomAfter === undefined ? [] : ["room after"]),
    ],
    stacks.map(({ stackName, shard, accountId, tokens, toCome, limit, room }) => [
      stackName,
      shard === "" ? "-" : shard,
      accountId,
      ...[tokens, toCome, limit, room].map(String),
      ...(roomAfter === undefined ? [] : [String(roomAfter.get(accountId) ?? room)]),
    ]),
  );

/** The same in a JSON document. */
export const roomDocument = ({
  stackName,
  shard,
  accountId,
  tokens,
  toCome,
  limit,
  room,
}: StackRoom): object => ({
  stack: stackName,
  shard,
  accountId,
  tokens,
  toCome,
  limit,
  room,
});
