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

const found = findPulumi();

const localEngine: Engine = { name: "local/engine", open: engineStack, sendsEnabled: true };

const realEngine: Engine | undefined = found.available
  ? {
      name: "pulumi",
      open: (options) => pulumiStack(found.pulumi, options),
      sendsEnabled: found.pulumi.sendsEnabled,
    }
  : undefined;

/**
 * Every engine that is there: always local/engine, and the real one where the CLI is. Tests that need one of them take the
 * first: the quick one, unless `npm run test:pulumi` says otherwise.
 */
export const engines: readonly Engine[] =
  realEngine === undefined
    ? [localEngine]
    : process.env.SITEPASS_TEST_ENGINE === "pulumi"
      ? [realEngine, localEngine]
      : [localEngine, realEngine];

/** Why scenarios do not run on the real engine here; undefined when they do. */
export const pulumiAbsence: string | undefined = found.available ? undefined : found.reason;
