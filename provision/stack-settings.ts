import * as pulumi from "@pulumi/pulumi";
import { ownNamePrefix } from "../fleet/names";

/** What the engine and the shell hand to the program; nothing else in it reads either. */
export interface StackSettings {
  /** All configuration of the stack: full keys, values as text, structured ones as JSON. */
  readonly raw: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prefix of the names of what this stack makes in Cloudflare. */
  readonly ownPrefix: string;
}

export function readStackSettings(): StackSettings {
  return {
    raw: pulumi.runtime.allConfig(),
    environment: process.env,
    ownPrefix: ownNamePrefix(pulumi.getProject(), pulumi.getStack()),
  };
}
