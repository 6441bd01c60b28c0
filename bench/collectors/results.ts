import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { signalNames } from "../../fleet/signals";

/** What goes wrong, in the order of the table's columns. */
export const caseNames = [
  "login-page redirect",
  "401",
  "403",
  "429",
  "500",
  "530",
  "connection refused",
  "secret file missing",
  "rotation",
] as const;

export type CaseName = (typeof caseNames)[number];

const measuredSchema = z.array(
  z.strictObject({
    title: z.string(),
    signal: z.enum(signalNames),
    relayed: z.boolean(),
    what: z.enum(caseNames),
    /** What became of what the collector had to push while something was wrong. */
    outcome: z.enum(["retry", "drop", "silent loss"]),
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
