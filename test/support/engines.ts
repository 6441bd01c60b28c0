import { findPulumi } from "../../local/run/pulumi-installation";
import {
  engineStack,
  pulumiStack,
  type ProjectStack,
  type ProjectStackOptions,
} from "../../local/run/project-stack";

/** An engine that scenarios run on. */
export interface Engine {
  readonly name: "local/engine" | "pulumi";
  readonly open: (options: ProjectStackOptions) => ProjectStack;
  /** False for a provider plugin that leaves a token's `enabled` out in silence. */
  readonly sendsEnabled: boolean;
  /** Whether what is said is what the CLI and the provider of this project say, as docs/faults.md has it. */
  readonly saysAsDocumented?: boolean;
}

const there = findPulumi();

/** The scenarios take minutes on the real engine, so they run there when asked: `npm run test:engine`. */
const found: typeof there =
  process.env.SITEPASS_REAL_ENGINE === "1"
    ? there
    : { available: false, reason: "scenarios run on it with `npm run test:engine`" };

/** The quick one, which is always there. */
export const localEngine: Engine = {
  name: "local/engine",
  open: engineStack,
  sendsEnabled: true,
};

const realOf = (one: typeof there): Engine | undefined =>
  one.available
    ? {
        name: "pulumi",
        open: (options) => pulumiStack(one.pulumi, options),
        sendsEnabled: one.pulumi.sendsEnabled,
        saysAsDocumented: one.pulumi.provider === "local",
      }
    : undefined;

const realEngine = realOf(found);

/** Every engine that is on this machine, for the few scenarios that run on the real one unasked. */
export const enginesHere: readonly Engine[] = [realOf(there) ?? [], localEngine].flat();

/** Why the real one is not among them; undefined when it is. */
export const absenceHere: string | undefined = there.available ? undefined : there.reason;

/** Every engine that is there, the real one first where the CLI is: tests that need one of them take the first. */
export const engines: readonly Engine[] = [...(realEngine === undefined ? [] : [realEngine]), localEngine];

/** Why scenarios do not run on the real engine here; undefined when they do. */
export const pulumiAbsence: string | undefined = found.available ? undefined : found.reason;
