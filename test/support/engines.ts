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

/** Every engine that is there: always local/engine, and the real one where the CLI is. */
export const engines: readonly Engine[] = [
  { name: "local/engine", open: engineStack, sendsEnabled: true },
  ...(found.available
    ? [
        {
          name: "pulumi" as const,
          open: (options: ProjectStackOptions) => pulumiStack(found.pulumi, options),
          sendsEnabled: found.pulumi.sendsEnabled,
        },
      ]
    : []),
];

/** Why scenarios do not run on the real engine here; undefined when they do. */
export const pulumiAbsence: string | undefined = found.available ? undefined : found.reason;
