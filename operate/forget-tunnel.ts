import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { throwIfAny, UserError, type Problem } from "../fleet/problem";
import { systemProblem } from "../fleet/system-errors";
import { logicalNameIn, resourceTypes } from "../provision/declared-objects";
import type { ExportedResource } from "../stack/exported-state";
import type { OpenStack } from "../stack/open-stack";
import { lookAtTunnel, type LostTunnel } from "./lost-tunnel";

/** The state without the tunnel is written, and nothing else is changed. */
export interface ForgottenTunnel {
  /** Those that Cloudflare has no longer: one, unless a replacement was broken off. */
  readonly tunnels: readonly LostTunnel[];
  /** What the written state lacks: the tunnels and their ingress rules. */
  readonly forgotten: readonly { readonly type: string; readonly name: string; readonly id: string }[];
  /** The written file, relative to the project's folder. */
  readonly file: string;
  /** The command that puts the file in the place of the stack's state. */
  readonly putInPlace: string;
}

const inputsSchema = z.looseObject({ accountId: z.string() });

/**
 * Writes a stack's state without a tunnel that was deleted at Cloudflare, so that the next `up` makes another. Everything else
 * stays in it, so that `up` changes the DNS records and the mail about the tunnel's health, and makes neither anew.
 *
 * The stack itself is not touched: a person puts the file in the place of its state.
 *
 * @throws UserError when the stack holds no tunnel, when its tunnel is there, and when that cannot be told.
 */
export async function forgetTunnel(
  stack: OpenStack,
  abort: AbortSignal,
): Promise<ForgottenTunnel | "stopped"> {
  const { stackName, directory, config } = stack;
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
      const { accountId } = inputsSchema.catch({ accountId: config.accountId }).parse(inputs);
      return lookAtTunnel(api, accountId, id);
    }),
  );
  const tunnels = seen.flatMap((one) => (one.kind === "lost" ? [one.tunnel] : []));
  if (tunnels.length === 0) {
    throwIfAny(
      seen.flatMap((one): Problem[] =>
        one.kind === "lost"
          ? []
          : [
              {
                subject: `tunnel ${one.tunnel.name}`,
                says: `is there (ID ${one.tunnel.id}) and would be left running without this stack`,
                todo: "Keep it. Where pushes are answered with 530, no connector of it is up: start cloudflared, and look at its log",
              },
            ],
      ),
    );
  }
  const lost = new Set(tunnels.map(({ id }) => id));
  // The ID of its ingress rules is the tunnel's.
  const forgotten = state.resources.filter(
    ({ type, id = "" }) => (type === resourceTypes.tunnel || type === resourceTypes.ingress) && lost.has(id),
  );
  if (abort.aborted) {
    return "stopped";
  }
  // Another run's file would be an older state: what is written last counts.
  const file = `forget-tunnel.${stackName}.json`;
  await write(join(directory, file), state.without(new Set(forgotten)));
  return { tunnels, forgotten: forgotten.map(named), file, putInPlace: state.putInPlace(file) };
}

const named = ({ type, urn, id = "" }: ExportedResource) => ({ type, name: logicalNameIn(urn), id });

/** Whole or not at all, and for its owner alone: it holds what the state holds. */
async function write(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(path, text, { mode: 0o600 });
  } catch (error) {
    const problem = systemProblem(error, path);
    throw problem === undefined ? error : new UserError(problem);
  }
}
