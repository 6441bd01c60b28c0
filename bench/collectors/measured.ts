import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { signalNames } from "../../fleet/signals";
import { caseNames } from "./cases";

/** What became of what a collector had to push while something was wrong. */
export const outcomes = ["retry", "drop", "silent loss"] as const;

export const measuredSchema = z.array(
  z.strictObject({
    title: z.string(),
    signal: z.enum(signalNames),
    relayed: z.boolean(),
    what: z.enum(caseNames),
    outcome: z.enum(outcomes),
    /** Seconds of metrics, or log lines of one a second. */
    lost: z.int(),
    /** The secret was sent to where a redirect led. */
    leaked: z.boolean(),
    /** It went on only after a restart. */
    restarted: z.boolean(),
  }),
);

export type Measured = z.infer<typeof measuredSchema>[number];

export const measuredPath = join(__dirname, "measured.json");

/** What was measured, on whatever machine it was last. */
export function readMeasured(): readonly Measured[] {
  return existsSync(measuredPath) ? measuredSchema.parse(JSON.parse(readFileSync(measuredPath, "utf8"))) : [];
}
