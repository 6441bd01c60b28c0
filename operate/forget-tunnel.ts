import { z } from "zod";
import type { AccountTunnel } from "../cloudflare/tunnels";
import { UserError, type Problem } from "../fleet/problem";
import { someOf } from "../fleet/wording";
import { logicalNameIn, resourceTypes } from "../provision/declared-objects";
import type { ExportedResource } from "../stack/exported-state";
import type { OpenStack } from "../stack/open-stack";
import { lookAtTunnel, type LostTunnel } from "./lost-tunnel";

/** What is taken out of the stack's state, or would be. */
export interface ForgottenTunnel {
  /** Those that Cloudflare has no longer: one, unless a replacement was broken off. */
  readonly tunnels: readonly LostTunnel[];
  /** The tunnels and their ingress rules. */
  readonly forgotten: readonly { readonly type: string; readonly name: string; readonly id: string }[];
}

const inputsSchema = z.looseObject({ accountId: z.string() });

/**
 * Takes a tunnel that was deleted at Cloudflare out of a stack's state, so that the next `up` makes another. Everything else
 * stays in it, so that `up` changes the DNS records and the mail about the tunnel's health, and makes neither anew.
 *
 * The state is read, changed and put back in one go: of what another `up` made between, such as a token, the stack would know
 * nothing any more.
 *
 * @param change false: only says what would be forgotten.
 * @throws UserError when the stack holds no tunnel, when its tunnel is there, when that cannot be told, and when a run was broken off.
 */
export async function forgetTunnel(
  stack: OpenStack,
  change: boolean,
  abort: AbortSignal,
): Promise<ForgottenTunnel | "stopped"> {
  const { stackName } = stack;
  const [api, state] = await Promise.all([stack.cloudflareApi(), stack.exportState()]);
  const held = state.resources.filter(({ type, id = "" }) => type === resourceTypes.tunnel && id !== "");
  if (held.length === 0) {
    throw new UserError({
      subject: `stack ${stackName}`,
      says: "holds no tunnel, so there is none to forget",
      todo: "Run `pulumi up`, or name another stack with --stack",
    });
  }
  const seen = await Promise.all(
    held.map(({ id = "", inputs }) => {
      // Not the configuration's account, which somebody may have changed since: there the tunnel would be unknown.
      const read = inputsSchema.safeParse(inputs);
      if (!read.success) {
        throw new UserError({
          subject: `stack ${stackName}`,
          says: `does not say in which account its tunnel (ID ${id}) is`,
          todo: "Look into `pulumi stack export`: the tunnel's inputs have no accountId",
        });
      }
      return lookAtTunnel(api, read.data.accountId, id);
    }),
  );
  const tunnels = seen.flatMap((one) => (one.kind === "lost" ? [one.tunnel] : []));
  if (tunnels.length === 0) {
    throw new UserError(seen.flatMap((one) => (one.kind === "there" ? keptProblem(one.tunnel) : [])));
  }
  const lost = new Set(tunnels.map(({ id }) => id));
  // The ID of its ingress rules is the tunnel's.
  const forgotten = state.resources.filter(
    ({ type, id = "" }) => (type === resourceTypes.tunnel || type === resourceTypes.ingress) && lost.has(id),
  );
  if (state.pending.length > 0) {
    throw new UserError({
      subject: `stack ${stackName}`,
      says: `has operations that a broken-off run left (${someOf(state.pending)}), which would be forgotten, too`,
      todo: "Run `pulumi refresh`, then this again. If they stay, run `pulumi refresh --clear-pending-creates`, and `npx sitepass check` afterwards",
    });
  }
  if (abort.aborted) {
    return "stopped";
  }
  if (change) {
    await state.replaceWith(state.without(new Set(forgotten)));
  }
  return { tunnels, forgotten: forgotten.map(named) };
}

const keptProblem = ({ id, name }: AccountTunnel): Problem => ({
  subject: `tunnel ${name}`,
  says: `is there (ID ${id}) and would be left running without this stack`,
  todo: "Keep it. Where pushes are answered with 530, no connector of it is up: start cloudflared, and look at its log",
});

const named = ({ type, urn, id = "" }: ExportedResource) => ({ type, name: logicalNameIn(urn), id });
