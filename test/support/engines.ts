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
}

/** The scenarios take minutes on the real engine, so they run there when asked: `npm run test:engine`. */
const found: ReturnType<typeof findPulumi> =
  process.env.SITEPASS_REAL_ENGINE === "1"
    ? findPulumi()
    : { available: false, reason: "scenarios run on it with `npm run test:engine`" };

/** The quick one, which is always there. */
export const localEngine: Engine = { name: "local/engine", open: engineStack, sendsEnabled: true };

const realEngine: Engine | undefined = found.available
  ? {
      name: "pulumi",
      open: (options) => pulumiStack(found.pulumi, options),
      sendsEnabled: found.pulumi.sendsEnabled,
    }
  : undefined;

/** Every engine that is there, the real one first where the CLI is: tests that need one of them take the first. */
export const engines: readonly Engine[] = [...(realEngine === undefined ? [] : [realEngine]), localEngine];

/** Why scenarios do not run on the real engine here; undefined when they do. */
export const pulumiAbsence: string | undefined = found.available ? undefined : found.reason;
