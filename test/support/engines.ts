import {
  engineStack,
  findPulumi,
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

const pulumi = findPulumi();

/** Every engine that is there: always local/engine, and the real one where it is installed. */
export const engines: readonly Engine[] = [
  { name: "local/engine", open: engineStack, sendsEnabled: true },
  ...(pulumi.available
    ? [{ name: "pulumi" as const, open: pulumiStack, sendsEnabled: pulumi.sendsEnabled }]
    : []),
];

/** Why scenarios do not run on the real engine here; undefined when they do. */
export const pulumiAbsence: string | undefined = pulumi.available ? undefined : pulumi.reason;
