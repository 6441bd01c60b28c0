import { parseVia, type Via } from "../operate/verify/via";
import { UserError } from "../fleet/problem";

/**
 * Reads `--via`.
 *
 * @param onStandIn the stack is one of local/engine, whose hosts exist on this machine only.
 * @throws UserError when it is not an address, or is missing for such a stack.
 */
export function readVia({
  via,
  onStandIn,
}: {
  readonly via?: string;
  readonly onStandIn: boolean;
}): Via | undefined {
  if (onStandIn && via === undefined) {
    throw new UserError([
      "--via: is missing, and the hosts of a stack of local/engine exist on this machine only. Give the address that `npm run standin` prints.",
    ]);
  }
  return via === undefined ? undefined : parseVia(via);
}
