import { existsSync } from "node:fs";
import { join } from "node:path";
import { dnsLabelProblem, shardText } from "../../fleet/names";
import { UserError, type Problem } from "../../fleet/problem";
import { readSiteFiles } from "../../fleet/site-files";
import { waysOutOfTheLimit } from "../../fleet/sites";
import { readProjectRoom, roomByShard, wholeShards, type ProjectRoom, type StackRoom } from "./account-room";
import type { ProjectFleet } from "./project-fleet";

export interface Placement extends ProjectRoom {
  /** The shard that has most room; undefined when none has any. */
  readonly shard: string | undefined;
}

/**
 * Proposes the shard for a site that is to be. Writes nothing.
 *
 * @throws UserError when it is a site already, or cannot be one's name.
 */
export async function placeSite(project: ProjectFleet, name: string): Promise<Placement> {
  const wrong = nameProblem(project, name);
  if (wrong !== undefined) {
    throw new UserError(wrong);
  }
  const room = await readProjectRoom(project);
  const shard = roomiestShard(wholeShards(project, room));
  const full = room.stacks.length > 0 && shard === undefined ? [noRoom(room)] : [];
  return { ...room, problems: [...room.problems, ...full], shard };
}

function nameProblem({ directory }: ProjectFleet, name: string): Problem | undefined {
  const wrong = dnsLabelProblem(name);
  if (wrong !== undefined) {
    return {
      subject: "--place",
      says: `"${name}" ${wrong}`,
      todo: "Give the name that its file in sites/ is to have",
    };
  }
  // Without the folder there is no site yet.
  const folder = join(directory, "sites");
  const files = existsSync(folder) ? readSiteFiles(folder) : undefined;
  if (files !== undefined && !files.ok) {
    throw new UserError(files.problems);
  }
  const there = files?.value.find((one) => one.name === name);
  return there === undefined
    ? undefined
    : {
        subject: "--place",
        says: `${name} is a site already, in ${shardText(there.values.shard ?? "")}`,
        todo: `To move it, run \`npx sitepass move ${name} --to SHARD\``,
      };
}

/** The first by name of those with most room. */
function roomiestShard(stacks: readonly StackRoom[]): string | undefined {
  const rooms = [...roomByShard(stacks)].filter(([, room]) => room > 0);
  return rooms.sort(([a, roomOfA], [b, roomOfB]) => roomOfB - roomOfA || (a < b ? -1 : 1))[0]?.[0];
}

const noRoom = ({ stacks }: ProjectRoom): Problem => ({
  subject: "service tokens",
  says: `no account has room for one more site (${stacks.map(({ stackName, tokens, limit }) => `${stackName} has ${tokens} of ${limit}`).join(", ")})`,
  todo: waysOutOfTheLimit,
});
