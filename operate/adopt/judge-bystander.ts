import type { Config, Endpoint } from "../../fleet/config";
import type { OnHost } from "./on-host";
import { nothing, type Part } from "./part";
import { shownPlace } from "./place";

/** An application on the host that `up` neither needs nor touches. */
export function judgeBystander(
  { application, otherPaths, around }: OnHost,
  endpoint: Endpoint,
  { publish }: Pick<Config, "publish">,
): Part {
  const subject = `application "${application.name}"`;
  if (otherPaths.length > 0) {
    const covered = otherPaths.map(shownPlace).join(" and ");
    const inUse = application.policies.some(({ decision }) => decision !== "deny");
    if (!inUse) {
      return nothing;
    }
    return publish.kind === "tunnel"
      ? {
          ...nothing,
          losses: [
            `${subject}: lets people or programs in on ${covered}, and the tunnel will lead to the write paths of ${endpoint.hostname} alone. Move it to another host name first.`,
          ],
        }
      : {
          ...nothing,
          notes: [
            `${subject}: lets people or programs in on ${covered}, past the stack's refusal of everything but the write paths, and stays as it is. Delete it or move it to another host name if that is not meant.`,
          ],
        };
  }
  return around.length === 0
    ? nothing
    : {
        ...nothing,
        notes: [
          `${subject}: covers ${around.map(shownPlace).join(" and ")} and stays as it is; on ${endpoint.hostname} the stack's own, more specific applications decide from the next \`up\` on.`,
        ],
      };
}
